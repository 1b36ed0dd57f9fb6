import ExecutorSupervisor
import FunctionRegistry
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// An error as Lambda's clients know it: by its code.
struct LambdaError: Error, Sendable {
    var code: String
    var status: Int
    var message: String
    /// With throttling: which limit was met.
    var reason: String?
    /// What was wrong, where Lambda's own text does not say it; for the header `Cloister-Reason`.
    var detail: String?

    init(_ code: String, _ status: Int, _ message: String, reason: String? = nil) {
        self.code = code
        self.status = status
        self.message = message
        self.reason = reason
    }

    static func invalid(_ message: String) -> LambdaError {
        LambdaError("InvalidParameterValueException", 400, message)
    }

    static func notFound(_ message: String) -> LambdaError {
        LambdaError("ResourceNotFoundException", 404, message)
    }

    static func conflict(_ message: String) -> LambdaError {
        LambdaError("ResourceConflictException", 409, message)
    }

    static func validation(_ message: String) -> LambdaError { validations([message]) }

    /// What is wrong with a request, all of it, with the values as they are.
    static func validations(_ messages: [String]) -> LambdaError {
        let count = "\(messages.count) validation error\(messages.count == 1 ? "" : "s") detected: "
        return LambdaError(
            "ValidationException", 400, shown(count + messages.joined(separator: "; ")))
    }

    /// As much of a text as a message shows.
    static func shown(_ text: String) -> String {
        text.utf8.count <= maximumText
            ? text : String(decoding: text.utf8.prefix(maximumText), as: UTF8.self) + "…"
    }

    /// Bytes of a message; more is cut.
    private static let maximumText = 64 << 10

    /// Without a word on what is there.
    static let denied = LambdaError("AccessDeniedException", 403, "")

    static func throttled(_ reason: String) -> LambdaError {
        LambdaError("TooManyRequestsException", 429, "Rate Exceeded.", reason: reason)
    }

    /// - Parameter operation: tells the revision.
    static func preconditionFailed(_ operation: String = "GetFunction/GetAlias") -> LambdaError {
        LambdaError(
            "PreconditionFailedException", 412,
            "The Revision Id provided does not match the latest Revision Id. Call the "
                + "\(operation) API to retrieve the latest Revision Id")
    }

    static func noCodeSigning(_ arn: String) -> LambdaError {
        LambdaError(
            "CodeSigningConfigNotFoundException", 404,
            "The code signing configuration cannot be found. Check that the provided "
                + "configuration is not deleted: \(arn).")
    }

    static func unknownOperation(_ what: String) -> LambdaError {
        LambdaError("UnknownOperationException", 404, "\(what) is no operation of this service")
    }

    /// What another part of the evaluator threw, in Lambda's words; `nil` for what is nobody's doing but
    /// the evaluator's.
    init?(_ error: any Error) {
        switch error {
        case let error as LambdaError: self = error
        case let error as RegistryError:
            switch error {
            case .invalidFunction(_, let message): self = .invalid(message)
            case .invalidBundle(let message):
                self = .invalid(
                    "Could not unzip uploaded file. Please check your file, then try to upload "
                        + "again.")
                detail = message
            case .invalidCursor:
                self = .invalid("The Marker is not one that a list has ended with")
            case .functionExists(let name): self = .conflict("Function already exist: \(name)")
            case .queueFull, .recorderFull:
                self = .throttled("ConcurrentInvocationLimitExceeded")
            case .storageFull, .storage:
                self = LambdaError(
                    "ServiceException", 500, "the evaluator's storage cannot be used at the moment")
            case .noRoom(let message):
                self = LambdaError("CodeStorageExceededException", 507, message)
            case .bundleGone: self = .notFound("The function was deleted")
            case .idempotencyMismatch, .directoryInUse: return nil
            }
        case let rejection as CallRejection:
            switch rejection {
            case .queueFull: self = .throttled("ConcurrentInvocationLimitExceeded")
            case .notReady(let runtime, let reason):
                self = LambdaError(
                    "ServiceException", 503, "\(runtime.rawValue) cannot serve now: \(reason)")
            case .stopping: self = .stopping
            }
        case let busy as SlowReads.Busy:
            self = LambdaError("TooManyRequestsException", 429, "Rate exceeded: \(busy)")
        case let problem as Problem where problem.kind == .payloadTooLarge:
            self = LambdaError("RequestTooLargeException", 413, "Request must be smaller")
        case let problem as Problem where problem.kind == .overloaded:
            self = LambdaError("ServiceException", 503, problem.detail)
        case let fault as JSONFault:
            self = LambdaError(
                "InvalidRequestContentException", 400,
                "Could not parse request body into json: \(fault.message)")
        case let problem as Problem: self = .invalid(problem.detail)
        default: return nil
        }
    }

    static let stopping = LambdaError("ServiceException", 503, "The evaluator is stopping")

    /// - Parameter isLogs: in the form of the JSON protocol that CloudWatch Logs speaks.
    func response(isLogs: Bool = false) -> Response {
        // What throttles is called otherwise there.
        let code = isLogs && status == 429 ? "ThrottlingException" : code
        let type = status >= 500 ? "Service" : "User"
        let body: JSONValue =
            isLogs
            ? ["__type": .string(code), "message": .string(message)]
            : message.isEmpty
                ? ["Message": .null]
                : .fields([
                    // What is refused for its size has never been looked at.
                    "Type": code == "RequestEntityTooLargeException" ? nil : .string(type),
                    "Message": .string(message), "message": .string(message),
                    "Reason": reason.map { .string($0) },
                ])
        var response = lambdaResponse(status, body)
        response.headers[.lambdaErrorType] = code
        if isLogs { response.headers[.contentType] = "application/x-amz-json-1.1" }
        if let detail, HTTPField.isValidValue(detail) { response.headers[.cloisterReason] = detail }
        // Clients of Lambda's wait by their own rules.
        if status == 503 || (isLogs && status == 429) { response.headers[.retryAfter] = "1" }
        return response
    }
}

/// An answer whose body is JSON; without one for `nil`.
func lambdaResponse(_ status: Int, _ body: JSONValue?) -> Response {
    var headers: HTTPFields = [:]
    guard let body else { return Response(status: .init(code: status), headers: headers) }
    headers[.contentType] = "application/json"
    return Response(
        status: .init(code: status), headers: headers,
        body: ResponseBody(byteBuffer: ByteBuffer(bytes: body.data)))
}

extension HTTPField.Name {
    private static func known(_ name: String) -> HTTPField.Name {
        // All of these are tokens; the fallback cannot be reached.
        HTTPField.Name(name) ?? .server
    }
    static let cloisterReason = known("Cloister-Reason")
    static let traceID = known("X-Amzn-Trace-Id")
    static let keepAlive = known("Keep-Alive")
    static let proxyConnection = known("Proxy-Connection")
    static let lambdaErrorType = known("x-amzn-ErrorType")
    static let lambdaRequestID = known("x-amzn-RequestId")
    static let lambdaFunctionError = known("X-Amz-Function-Error")
    static let lambdaLogResult = known("X-Amz-Log-Result")
    static let lambdaVersion = known("X-Amz-Executed-Version")
    static let lambdaTarget = known("X-Amz-Target")
    static let lambdaClientContext = known("X-Amz-Client-Context")
    static let amzDate = known("X-Amz-Date")
    static let amzContentHash = known("X-Amz-Content-Sha256")
}
