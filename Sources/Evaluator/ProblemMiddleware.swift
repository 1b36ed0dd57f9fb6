import ExecutorSupervisor
import FunctionRegistry
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// Keeps web pages out of what follows, and answers every error as a problem document, whatever threw it. What the client can do nothing about
/// is logged in full and told without details.
struct ProblemMiddleware: RouterMiddleware {
    typealias Context = EvaluatorRequestContext

    /// Where access keys are made.
    let keySocket: String
    /// `nil` where no browser gets.
    var origins: OriginGuard?

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            try origins?.check(request)
            return try await next(request, context)
        } catch {
            return try problem(for: error, request: request, logger: context.logger).response()
        }
    }

    private func problem(for error: any Error, request: Request, logger: Logger) -> Problem {
        switch error {
        case let problem as Problem: return problem
        case let rejection as CallRejection: return Self.problem(for: rejection)
        case let error as RegistryError:
            if let problem = Self.problem(for: error) {
                if case .storageUnavailable = problem.kind { Self.log(error, request, logger) }
                return problem
            }
        case let busy as SlowReads.Busy:
            let seconds = SlowReads.Busy.retryAfterSeconds
            return Problem(
                .tooManyReads, "\(busy); try again in \(seconds) s",
                headers: [.retryAfter: "\(seconds)"])
        case is NIOTooManyBytesError:
            return Problem(.payloadTooLarge, "the request body is too large")
        case let error as HTTPError where error.status == .notFound:
            // Only the router throws this one: no route has this path and method.
            return isForKeys(request) ? keysAreElsewhere(request) : Self.noRoute(request)
        case is CancellationError:
            return Problem(.callCancelled, "the request was cancelled before it was answered")
        default: break
        }
        Self.log(error, request, logger)
        return Problem(
            .internalError,
            "the evaluator could not answer this; its log says why, under this request's time and path"
        )
    }

    private func isForKeys(_ request: Request) -> Bool {
        let path = request.uri.path
        return path == KeysController.path || path.hasPrefix(KeysController.path + "/")
    }

    /// Names the socket to programs of this machine, which fnctl is one of.
    private func keysAreElsewhere(_ request: Request) -> Problem {
        Problem(
            .forbidden,
            "access keys are made, listed and deleted on the evaluator's own machine only, over a socket in its "
                + "data directory; fnctl keys does",
            socket: request.isFromThisMachine ? keySocket : nil)
    }

    private static func log(_ error: any Error, _ request: Request, _ logger: Logger) {
        logger.error(
            "a request failed",
            metadata: [
                "method": "\(request.method)", "path": "\(request.uri.path)", "reason": "\(error)",
            ])
    }

    private static func problem(for rejection: CallRejection) -> Problem {
        switch rejection {
        case .queueFull(let seconds):
            Problem(
                .queueFull, "every slot is busy and the queue is full; try again in \(seconds) s",
                headers: [.retryAfter: "\(seconds)"])
        case .notReady(let runtime, let reason):
            Problem(
                .notReady, "the \(runtime.rawValue) template cannot serve now: \(reason)",
                headers: [.retryAfter: "1"])
        case .stopping: shuttingDown
        }
    }

    static var shuttingDown: Problem {
        Problem(
            .shuttingDown, "the evaluator is stopping and takes no more calls",
            headers: [.retryAfter: "5"])
    }

    private static func problem(for error: RegistryError) -> Problem? {
        switch error {
        case .invalidFunction(let field, let message):
            Problem(.invalidFunction, message, field: field)
        case .invalidBundle(let message): Problem(.invalidBundle, message)
        case .invalidCursor: Problem(.badRequest, error.message)
        case .recorderFull:
            Problem(
                .notReady, "call records cannot be written at the moment, so no call is taken",
                headers: [.retryAfter: "5"])
        case .queueFull:
            Problem(.queueFull, "\(error.message); try again in 5 s", headers: [.retryAfter: "5"])
        case .idempotencyMismatch: Problem(.idempotencyMismatch, error.message)
        case .storageFull:
            Problem(
                .storageFull,
                "the disk of the evaluator's data directory is full; nothing was changed",
                headers: [.retryAfter: "30"])
        case .noRoom(let message):
            Problem(.storageFull, message, headers: [.retryAfter: "30"])
        case .storage:
            Problem(
                .storageUnavailable,
                "the evaluator's data directory cannot be used; its log says why",
                headers: [.retryAfter: "30"])
        case .bundleGone, .directoryInUse, .functionExists: nil
        }
    }

    private static func noRoute(_ request: Request) -> Problem {
        let path = request.uri.path
        let methods = Routes.methods(at: path)
        guard !methods.isEmpty else {
            return Problem(
                .notFound, "there is nothing at this path; GET /openapi.json says what there is")
        }
        let allowed = methods.joined(separator: ", ")
        return Problem(
            .methodNotAllowed,
            "this path does not answer \(request.method.rawValue); it answers \(allowed)",
            headers: [.allow: allowed])
    }
}
