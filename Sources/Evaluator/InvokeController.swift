import ExecutorSupervisor
import FunctionRegistry
import HTTPTypes
import Hummingbird
import NIOCore

/// `POST /v1/functions/{name}/invoke`: runs one call and answers with its result.
struct InvokeController: Sendable {
    let registry: FunctionRegistry
    let cache: FunctionCache
    let journal: CallJournal
    let supervisor: any CallSupervising
    let connections: ConnectionCalls
    let drain: DrainService
    let headers: CallHeaders
    let ids = CallIDGenerator()

    /// The largest event: 6 MiB.
    static let maximumEventBytes = 6 << 20

    func addRoutes(to router: Router<EvaluatorRequestContext>) {
        router.post(RouterPath(Routes.invoke), use: invoke)
    }

    @Sendable private func invoke(_ request: Request, context: EvaluatorRequestContext) async throws
        -> Response
    {
        guard !drain.isStopping else { throw ProblemMiddleware.shuttingDown }
        let name = try context.pathParameter("name")
        let version = try Query(request, allowed: ["version"]).integer("version", in: 1...Int.max)
        try requireJSON(request)
        let event = try await readEvent(request)
        guard let function = try await cache.find(name, version: version) else {
            throw FunctionsController.notFound(name, version: version)
        }
        let id = ids.next()
        let record = CallRecord(
            id: id, function: function, bytesIn: event.readableBytes, queuedAtMs: currentTimeMs())
        do {
            try journal.accept(record, bundle: function.codeSha256)
        } catch RegistryError.bundleGone {
            // Deleted between the two lines above.
            throw FunctionsController.notFound(name, version: version)
        }
        let reply: CallReply
        connections.begin(id, on: context.channel)
        defer { connections.end(on: context.channel) }
        do {
            reply = try await supervisor.invoke(Self.callRequest(id, function, event))
        } catch let rejection as CallRejection {
            journal.refuse(id)
            throw rejection
        }
        registry.calls.recordReplied(id: id)
        return try response(id, reply)
    }

    private func readEvent(_ request: Request) async throws -> ByteBuffer {
        let event = try await collectBody(request, maximumBytes: Self.maximumEventBytes)
        guard event.readableBytes > 0 else { return ByteBuffer(string: "null") }
        do {
            try event.withUnsafeReadableBytes { try JSONValidator.check($0) }
        } catch let fault as JSONFault {
            throw Problem(.badRequest, "the event is not JSON: \(fault.message)")
        }
        return event
    }

    private static func callRequest(
        _ id: String, _ function: FunctionVersion, _ event: ByteBuffer
    ) throws -> CallRequest {
        let runtime: Runtime =
            switch function.runtime {
            case .python: .python
            case .javascript: .javascript
            }
        return CallRequest(
            id: id, function: function.name, version: function.version, runtime: runtime,
            handler: function.handler, bundle: function.codeSha256,
            environment: function.environment,
            limits: CallLimits(
                timeoutMs: function.timeoutMs, memoryMB: function.memoryMB, tmpMB: function.tmpMB),
            event: event)
    }

    private func response(_ id: String, _ reply: CallReply) throws -> Response {
        var fields: HTTPFields = [:]
        fields[headers.callID] = id
        fields[headers.runMs] = "\(rounded(reply.runMs))"
        switch reply.result {
        case .completed(let result):
            fields[headers.state] = CallState.completed.rawValue
            fields[.contentType] = "application/json"
            return Response(status: .ok, headers: fields, body: ResponseBody(byteBuffer: result))
        case .failed(let failure):
            fields[headers.state] = failure.state.rawValue
            let kind: ProblemKind =
                switch failure.state {
                case .timedOut: .callTimedOut
                case .cancelled: .callCancelled
                default: .callFailed
                }
            throw Problem(
                kind,
                [failure.errorType, failure.message].compactMap { $0 }.joined(separator: ": "),
                headers: fields,
                call: Problem.CallPart(
                    callId: id, state: failure.state.rawValue, cause: failure.cause.rawValue,
                    errorType: failure.errorType, message: failure.message, stack: failure.stack,
                    exitCode: failure.exitCode, signal: failure.signal))
        }
    }
}

/// The names of the headers that every answer of a call has.
struct CallHeaders: Sendable {
    let callID: HTTPField.Name
    let state: HTTPField.Name
    let runMs: HTTPField.Name

    init() throws {
        func name(_ text: String) throws -> HTTPField.Name {
            guard let name = HTTPField.Name(text) else {
                throw StartError(message: "\(text) is not a header name")
            }
            return name
        }
        callID = try name("Cloister-Call-Id")
        state = try name("Cloister-Call-State")
        runMs = try name("Cloister-Run-Ms")
    }
}
