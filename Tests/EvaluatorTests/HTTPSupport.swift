import AsyncHTTPClient
import ExecutorSupervisor
import Foundation
import FunctionRegistry
import Logging
import NIOCore
import NIOHTTP1
import SandboxKit
import ServiceLifecycle
import Synchronization
import Testing

@testable import Evaluator

/// Stands in for the supervisor where the mapping of outcomes to HTTP is tested: what becomes of a
/// call is decided by the name of its function.
final class ScriptedSupervisor: CallSupervising, Service {
    typealias Script = @Sendable (CallRequest) async throws -> CallReply

    let observer: any CallObserver
    private let script: Mutex<Script>
    private let templates = Mutex<[TemplateStatus]>([])
    private let cancelled = Mutex<[String]>([])
    private let requested = Mutex<[CallRequest]>([])

    /// Echoes the event.
    init(observer: any CallObserver) {
        self.observer = observer
        script = Mutex { CallReply(result: .completed($0.event), runMs: 1.2345) }
    }

    var cancelledIDs: [String] { cancelled.withLock { $0 } }
    var requests: [CallRequest] { requested.withLock { $0 } }

    func answer(_ script: @escaping Script) { self.script.withLock { $0 = script } }
    func setTemplates(_ templates: [TemplateStatus]) { self.templates.withLock { $0 = templates } }

    func run() async throws { try? await gracefulShutdown() }

    func invoke(_ request: CallRequest) async throws -> CallReply {
        requested.withLock { $0.append(request) }
        let reply = try await script.withLock { $0 }(request)
        observer.callStarted(id: request.id, startedAtMs: 1_700_000_000_000, template: "python-1")
        // The report follows the reply, as that of a real cell does.
        let report = Self.report(request, reply)
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(50)) { [observer] in
            observer.callEnded(report)
        }
        return reply
    }

    func cancel(id: String) -> Bool {
        cancelled.withLock { $0.append(id) }
        return true
    }

    func waiting(id: String) -> CallWaiting? { nil }
    func forget(function: String) {}
    func status() -> [TemplateStatus] { templates.withLock { $0 } }
    func load() -> (queued: Int, running: Int) { (0, 0) }

    private static func report(_ request: CallRequest, _ reply: CallReply) -> CallReport {
        var failure: CallFailure?
        var result: ByteBuffer?
        switch reply.result {
        case .completed(let bytes): result = bytes
        case .failed(let reason): failure = reason
        }
        return CallReport(
            id: request.id, function: request.function, result: result, failure: failure,
            startedAtMs: 1_700_000_000_000,
            // Logs that are older than the retention would be gone at once.
            endedAtMs: currentTimeMs(), queueMs: 0.02, startMs: 0.31, initMs: 0.9,
            runMs: reply.runMs, cpuMs: 1.25, peakMemoryBytes: 1 << 20,
            bytesIn: request.event.readableBytes, bytesOut: result?.readableBytes ?? 0, logBytes: 5,
            logTruncated: false,
            log: [LogLine(timeMs: 1_700_000_000_001, stream: .stdout, text: "hello")],
            blocked: nil, template: "python-1")
    }
}

/// An evaluator that listens on a port of its own, with a real registry and a scripted supervisor.
struct TestEvaluator: Sendable {
    var url: String
    var supervisor: ScriptedSupervisor
    var stop: @Sendable () -> Void

    /// Runs `body` against an evaluator, and stops it gracefully after that.
    static func run(_ body: @Sendable (TestEvaluator) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "evaluator-tests-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let configuration = try EvaluatorConfiguration(
            ConfigurationSources(flags: [.port: "0", .dataDir: folder.path], environment: [:]))
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let (urls, urlContinuation) = AsyncStream<String>.makeStream()
        let made = Mutex<ScriptedSupervisor?>(nil)
        let application = try buildApplication(
            configuration: configuration, logger: logger,
            supervisor: { _, observer in
                let supervisor = ScriptedSupervisor(observer: observer)
                made.withLock { $0 = supervisor }
                return Supervisor(
                    calls: supervisor, service: supervisor,
                    protections: { [Protection("seccomp", .enforced, "a test")] })
            },
            onListening: { urlContinuation.yield($0) })
        let supervisor = try #require(made.withLock { $0 })
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(services: application.services, logger: logger)
        )
        try await withThrowingTaskGroup { tasks in
            tasks.addTask { try await group.run() }
            var iterator = urls.makeAsyncIterator()
            let url = try #require(await iterator.next())
            let stop: @Sendable () -> Void = { Task { await group.triggerGracefulShutdown() } }
            do {
                try await body(TestEvaluator(url: url, supervisor: supervisor, stop: stop))
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    func send(
        _ method: HTTPMethod, _ path: String, _ body: String? = nil,
        headers: [(String, String)] = []
    ) async throws -> Answer {
        try await send(method, path, bytes: body.map { Array($0.utf8) }, headers: headers)
    }

    func send(
        _ method: HTTPMethod, _ path: String, bytes: [UInt8]?, headers: [(String, String)] = []
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: url + path)
        request.method = method
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let bytes { request.body = .bytes(ByteBuffer(bytes: bytes)) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        return Answer(
            status: Int(response.status.code), headers: response.headers,
            body: try await response.body.collect(upTo: 100 << 20))
    }

    /// Registers a function that needs nothing but its name.
    func register(_ name: String) async throws {
        let answer = try await send(
            .PUT, "/v1/functions/\(name)", #"{"runtime": "python", "code": "x = 1"}"#)
        #expect(answer.status == 201)
    }
}

struct Answer {
    var status: Int
    var headers: HTTPHeaders
    var body: ByteBuffer

    var text: String { String(buffer: body) }
    var contentType: String? { headers.first(name: "content-type") }

    /// The body as a JSON object.
    func object() throws -> [String: Any] {
        try #require(
            JSONSerialization.jsonObject(with: Data(body.readableBytesView)) as? [String: Any])
    }

    /// Checks that this is a whole problem document, and gives its detail.
    @discardableResult
    func expectProblem(
        _ status: Int, _ slug: String, field: String? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> String {
        #expect(self.status == status, "\(text)", sourceLocation: sourceLocation)
        #expect(contentType == "application/problem+json", sourceLocation: sourceLocation)
        let document = try object()
        #expect(
            document["type"] as? String == "https://cloister.invalid/problems/\(slug)", "\(text)",
            sourceLocation: sourceLocation)
        #expect(document["status"] as? Int == status, sourceLocation: sourceLocation)
        #expect(document["title"] is String, sourceLocation: sourceLocation)
        #expect(document["field"] as? String == field, "\(text)", sourceLocation: sourceLocation)
        return try #require(document["detail"] as? String, sourceLocation: sourceLocation)
    }
}
