import ExecutorSupervisor
import FunctionRegistry
import HTTPTypes
import Hummingbird
import NIOCore

/// `POST /v1/functions/{name}/invoke`: runs one call and answers with its result, or accepts one to be
/// run later.
struct InvokeController: Sendable {
    let registry: FunctionRegistry
    let cache: FunctionCache
    let journal: CallJournal
    let supervisor: any CallSupervising
    let connections: ConnectionCalls
    let acceptor: AsyncAcceptor
    let drain: DrainService
    let answers: CallAnswers
    let bodies: RequestBodies
    let ids: CallIDGenerator

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
        let preferences = try CallPreferences(request.headers)
        try requireJSON(request)
        // Before the body, which can be long.
        guard let function = try await cache.find(name, version: version) else {
            throw FunctionsController.notFound(name, version: version)
        }
        let received = try await bodies.collect(
            request, context, maximumBytes: Self.maximumEventBytes)
        let (event, key) = try await Self.read(received.bytes, preferences, version)
        // What waits and what runs has bounds of its own.
        received.release()
        do {
            if preferences.respondsAsync {
                return try await acceptor.accept(function.version, event: event, key: key)
            }
            if let key { return try await invokeOnce(function, event, key) }
            return try await invoke(
                function, event,
                channel: preferences.continuesOnDisconnect ? nil : context.channel)
        } catch RegistryError.bundleGone {
            // Deleted between the lines above.
            throw FunctionsController.notFound(name, version: version)
        }
    }

    /// - Parameter channel: the connection that the call ends with; `nil` for one that goes on.
    private func invoke(
        _ function: CallableFunction, _ event: ByteBuffer, channel: (any Channel)?
    ) async throws -> Response {
        let record = newRecord(function, event)
        guard !function.isPaused else { throw Self.paused(function) }
        try journal.accept(record, function.version)
        if let channel { connections.begin(record.id, on: channel) }
        defer { if let channel { connections.end(on: channel) } }
        let reply = try await run(record.id, function, event)
        registry.calls.recordReplied(id: record.id)
        return try answers.response(record.id, reply)
    }

    /// Runs the call that has a key, or waits for the one that has it already. Such a call goes on when
    /// its client hangs up: asking again is what the key is for.
    private func invokeOnce(
        _ function: CallableFunction, _ event: ByteBuffer, _ key: IdempotencyKey
    ) async throws -> Response {
        while true {
            let record = newRecord(function, event)
            // What has been answered under this key is answered again.
            if function.isPaused,
                try await registry.calls.holder(of: key, for: record) == nil
            {
                throw Self.paused(function)
            }
            let id = try await journal.accept(record, function.version, key: key)
            if id == record.id {
                let reply = try await run(id, function, event)
                // What is answered now is what will be answered to the same key later.
                await registry.calls.waitForEnd(id, atMost: .seconds(5))
                await registry.calls.flush()
                return try answers.response(id, reply)
            }
            while let other = try await registry.calls.call(id) {
                if other.state.isFinal {
                    return try await answers.stored(other, isReplay: true)
                }
                guard !drain.isStopping else { throw ProblemMiddleware.shuttingDown }
                await registry.calls.waitForEnd(id, atMost: .seconds(5))
            }
            // The call with this key was refused, which left its key free.
        }
    }

    private static func paused(_ function: CallableFunction) -> Problem {
        Problem(
            .functionPaused,
            "the function \(function.version.name) is paused: its reserved concurrency is 0; delete or "
                + "raise that, or send the call with Prefer: respond-async, and it will wait",
            headers: [.retryAfter: "30"])
    }

    private func newRecord(_ function: CallableFunction, _ event: ByteBuffer) -> CallRecord {
        CallRecord(
            id: ids.next(), function: function.version, bytesIn: event.readableBytes,
            queuedAtMs: currentTimeMs())
    }

    private func run(
        _ id: String, _ function: CallableFunction, _ event: ByteBuffer
    ) async throws -> CallReply {
        do {
            return try await supervisor.invoke(CallRequest(id, function, event))
        } catch let rejection as CallRejection {
            journal.refuse(id)
            throw rejection
        }
    }

    private static func read(
        _ body: ByteBuffer, _ preferences: CallPreferences, _ version: Int?
    ) async throws -> (event: ByteBuffer, key: IdempotencyKey?) {
        let event = body.readableBytes > 0 ? body : ByteBuffer(string: "null")
        return try await Aside.shared.run(for: event.readableBytes) {
            do {
                try event.withUnsafeReadableBytes { try JSONValidator.check($0) }
            } catch let fault as JSONFault {
                throw Problem(.badRequest, "the event is not JSON: \(fault.message)")
            }
            let key = preferences.idempotencyKey.map {
                IdempotencyKey(key: $0, version: version, event: event.readableBytesView)
            }
            return (event, key)
        }
    }
}
