import Foundation
import NIOCore
import Synchronization
import Testing

@testable import ExecutorSupervisor

/// The supervisor with real templates and cells, without the evaluator around it. One at a time: its
/// control groups have the process's name.
@Suite(.serialized, .timeLimit(.minutes(5))) struct SupervisorTests {
    private static let code = """
        import os, time
        def handler(event, context):
            print("it is", end=" ", flush=True)
            print(os.environ.get("KEY", "nothing"), flush=True)
            time.sleep(event["sleep"])
            if event.get("fail"):
                raise ValueError("no " + os.environ["KEY"])
            return os.environ.get("KEY")
        """
    private static let secret = "hunter2-hunter2"

    @Test
    func `a function runs as many calls at once as it may, and the others know why they wait`()
        async throws
    {
        try await withSupervisor { supervisor, observer, request in
            let ids = (0..<6).map { "call-\($0)" }
            try await withThrowingTaskGroup { group in
                for id in ids {
                    group.addTask {
                        var call = request(id, #"{"sleep": 1}"#)
                        call.concurrency = 2
                        _ = try await supervisor.invoke(call)
                    }
                }
                while supervisor.load() != (4, 2) { try await Task.sleep(for: .milliseconds(1)) }
                let waiting = ids.compactMap { supervisor.waiting(id: $0) }
                #expect(waiting.map(\.place).sorted() == [1, 2, 3, 4])
                #expect(waiting.allSatisfy { $0.reason == .concurrency }, "\(waiting)")
                #expect(waiting.first?.message == "the function runs its 2 calls at once")
                // Another function does not wait for this one.
                var other = request("other", #"{"sleep": 0}"#)
                other.function = "other"
                _ = try await supervisor.invoke(other)
                #expect(supervisor.load().queued == 4)
                #expect(supervisor.waiting(id: "other") == nil)
                try await group.waitForAll()
            }
            let reports = try await observer.reports(7)
            #expect(reports.allSatisfy { $0.failure == nil }, "\(reports.map(\.failure))")
            // Starts and ends in order, of the function alone: never a third before an end.
            let own = reports.filter { $0.id != "other" }.sorted { $0.startedAtMs < $1.startedAtMs }
            for (third, first) in zip(own.dropFirst(2), own) {
                #expect(third.queueMs >= first.queueMs + 900, "\(own.map(\.queueMs))")
            }
        }
    }

    @Test func `lines are handed on while the call runs, without its secrets`() async throws {
        try await withSupervisor { supervisor, observer, request in
            var call = request("printing", #"{"sleep": 2, "fail": true}"#)
            call.environment = ["KEY": Self.secret]
            call.secrets = [Self.secret]
            let printing = call
            async let reply = supervisor.invoke(printing)
            while observer.printed.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
            #expect(supervisor.load().running == 1)
            #expect(observer.printed == ["printing f it is [redacted]"])
            guard case .failed(let failure) = try await reply.result else {
                Issue.record("it completed")
                return
            }
            #expect(failure.message == "no [redacted]")
            let report = try #require(try await observer.reports(1).first)
            #expect(report.failure == failure)
            #expect(report.log.map(\.text) == ["it is [redacted]"])
            #expect(!"\(report)".contains(Self.secret))
            #expect(report.endedAtMs - report.startedAtMs >= 2000)
            // The result is the handler's own affair.
            call.id = "telling"
            call.event = ByteBuffer(string: #"{"sleep": 0}"#)
            guard case .completed(let result) = try await supervisor.invoke(call).result else {
                Issue.record("it failed")
                return
            }
            #expect(String(buffer: result) == "\"\(Self.secret)\"")
        }
    }

    @Test func `queued calls are cancelled wherever they stand`() async throws {
        try await withSupervisor { supervisor, observer, request in
            try await withThrowingTaskGroup { group in
                for index in 0..<500 {
                    group.addTask {
                        var call = request("\(index)", #"{"sleep": 60}"#)
                        call.concurrency = 1
                        call.limits.timeoutMs = 100_000
                        _ = try await supervisor.invoke(call)
                    }
                }
                while supervisor.load() != (499, 1) { try await Task.sleep(for: .milliseconds(1)) }
                group.cancelAll()
                try await group.waitForAll()
            }
            #expect(supervisor.load().queued == 0)
            let reports = try await observer.reports(500)
            #expect(reports.allSatisfy { $0.failure?.cause == .cancelled })
        }
    }

    // MARK: support

    private func withSupervisor(
        _ body: (
            ExecutorSupervisor, Recorder,
            @escaping @Sendable (_ id: String, _ event: String) ->
                CallRequest
        ) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("supervisor-tests-\(UUID().uuidString)").path
        let bundle = String(repeating: "ab", count: 32)
        try FileManager.default.createDirectory(
            atPath: "\(folder)/\(bundle)", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Self.code.write(
            toFile: "\(folder)/\(bundle)/index.py", atomically: true, encoding: .utf8)
        let products = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .path
        let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().path
        let observer = Recorder()
        let supervisor = try ExecutorSupervisor(
            configuration: SupervisorConfiguration(
                executors: "\(checkout)/executors", launcher: "\(products)/cloister-launcher",
                cellLibrary: "\(products)/libCloisterCell.so", bundles: folder, slots: 8,
                parked: 4, queueLimit: 1000, checkResult: { _, _ in nil }),
            observer: observer)
        do {
            while supervisor.status().first(where: { $0.runtime == .python })?.parked != 4 {
                try await Task.sleep(for: .milliseconds(10))
            }
            try await body(supervisor, observer) { id, event in
                CallRequest(
                    id: id, function: "f", version: 1, runtime: .python, handler: "index.handler",
                    bundle: bundle, environment: [:],
                    limits: CallLimits(timeoutMs: 20_000, memoryMB: 128, tmpMB: 16),
                    event: ByteBuffer(string: event))
            }
            await supervisor.stop(within: 5)
        } catch {
            await supervisor.stop(within: 0)
            throw error
        }
    }
}

/// Keeps what it is told.
private final class Recorder: CallObserver {
    private let state = Mutex<(printed: [String], reports: [CallReport])>(([], []))

    var printed: [String] { state.withLock { $0.printed } }

    /// Waits until so many calls have ended.
    func reports(_ count: Int) async throws -> [CallReport] {
        while true {
            let reports = state.withLock { $0.reports }
            if reports.count >= count { return reports }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    func callStarted(id: String, startedAtMs: Int64, template: String) {}

    func callPrinted(id: String, function: String, lines: [LogLine]) {
        state.withLock { state in
            state.printed += lines.map { "\(id) \(function) \($0.text)" }
        }
    }

    func callEnded(_ report: CallReport) { state.withLock { $0.reports.append(report) } }
}
