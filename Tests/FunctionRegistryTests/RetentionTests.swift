import Foundation
import FunctionRegistry
import Testing

/// What is kept of logs, results and dead letters, and what goes first.
struct RetentionTests {
    let folder: TemporaryFolder
    let ids = CallIDGenerator()

    init() throws {
        folder = try TemporaryFolder()
    }

    private func open(_ retention: CallRetention) throws -> FunctionRegistry {
        try FunctionRegistry(directory: folder.path, retention: retention)
    }

    /// Runs the recorder until `condition` holds.
    private func run(
        _ calls: CallRecorder, until condition: () async throws -> Bool
    ) async throws {
        let service = Task { await calls.run() }
        try await eventually(condition)
        service.cancel()
        await service.value
    }

    private func record(
        _ calls: CallRecorder, _ function: String, bytes: Int, endedAtMs: Int64 = currentTimeMs()
    ) throws -> String {
        let id = ids.next()
        try calls.recordQueued(queuedRecord(id, function: function))
        let line = CallLogLine(
            timeMs: endedAtMs, stream: .stdout, text: String(repeating: "x", count: bytes))
        calls.recordEnded(id: id, log: [line]) { record in
            record.state = .completed
            record.endedAtMs = endedAtMs
            record.logBytes = bytes
        }
        return id
    }

    @Test func `one function's logs are bounded, and do not cost another its own`() async throws {
        let registry = try open(CallRetention(functionLogBytes: 20_000))
        let calls = registry.calls
        let quiet = try record(calls, "quiet", bytes: 900)
        var noisy: [String] = []
        for _ in 0..<50 { noisy.append(try record(calls, "noisy", bytes: 900)) }
        try await run(calls) {
            try sqlite(
                folder.path,
                "SELECT (SELECT bytes FROM logUsage WHERE function = 'noisy') <= 20000 AND "
                    + "(SELECT count(*) FROM callLog) > 1") == ["1"]
        }
        #expect(try await calls.log(quiet)?.lines.count == 1)
        #expect(try await calls.log(noisy[49])?.lines.count == 1)
        let oldest = try #require(try await calls.log(noisy[0]))
        #expect(oldest.lines.isEmpty && oldest.truncated)
        // The account is right to the byte, and the records are all there.
        #expect(
            try sqlite(
                folder.path,
                "SELECT (SELECT sum(bytes) FROM callLog) = logBytes, calls, "
                    + "(SELECT sum(bytes) FROM logUsage) = logBytes FROM usage") == ["1 51 1"])
    }

    @Test func `logs go when they are old, by the clock of now`() async throws {
        let dayMs: Int64 = 86_400_000
        let registry = try open(CallRetention(logAgeMs: 14 * dayMs))
        let calls = registry.calls
        let old = try record(calls, "f", bytes: 10, endedAtMs: currentTimeMs() - 15 * dayMs)
        let young = try record(calls, "f", bytes: 10, endedAtMs: currentTimeMs() - 13 * dayMs)
        try await run(calls) { try sqlite(folder.path, "SELECT count(*) FROM callLog") == ["1"] }
        #expect(try await calls.log(old)?.lines.isEmpty == true)
        #expect(try await calls.log(young)?.lines.count == 1)
        #expect(try await calls.call(old) != nil)
    }

    @Test
    func `the oldest results and dead letters go first, and a letter without its event is none`()
        async throws
    {
        let registry = try open(CallRetention(resultBytes: 3000, deadBytes: 3000))
        let calls = registry.calls
        var dead: [String] = []
        var done: [String] = []
        for number in 0..<10 {
            let id = ids.next()
            var record = queuedRecord(id)
            record.async = AsyncState(maxAttempts: 1)
            let accepted = try await calls.accept(
                record, event: AcceptedEvent(Data(repeating: 0x31, count: 1000), AsyncSettings()),
                key: nil)
            #expect(accepted == id)
            #expect(try await calls.claim([id]).map(\.event.count) == [1000])
            let completes = number.isMultiple(of: 2)
            calls.recordAttempt(
                id: id, log: [],
                outcome: completes ? .over(result: Data(repeating: 0x32, count: 1000)) : .dead,
                webhookURL: nil
            ) { record in
                record.state = completes ? .completed : .failed
                record.cause = completes ? nil : "crashed"
            }
            if completes { done.append(id) } else { dead.append(id) }
        }
        try await run(calls) {
            try sqlite(folder.path, "SELECT resultBytes, deadBytes FROM usage") == ["3000 3000"]
        }
        #expect(
            try await calls.calls(CallFilter(dead: true), limit: 10).items.map(\.id)
                == dead.suffix(3).reversed())
        #expect(try await calls.call(dead[0])?.state == .failed)
        #expect(try await calls.result(done[4])?.count == 1000)
        #expect(try await calls.result(done[0]) == nil)
        let replay = queuedRecord(ids.next())
        #expect(try await calls.replay(dead[0], as: replay, settings: AsyncSettings()) == nil)
        #expect(try await calls.replay(dead[4], as: replay, settings: AsyncSettings()) == 1000)
        #expect(try await calls.replay(dead[4], as: replay, settings: AsyncSettings()) == nil)
    }

    @Test func `an attempt that was lost is tried again while there are attempts, and then dead`()
        async throws
    {
        let (again, spent, waiting) = (ids.next(), ids.next(), ids.next())
        do {
            let calls = try open(CallRetention()).calls
            for (id, attempts) in [(again, 2), (spent, 1), (waiting, 1)] {
                var record = queuedRecord(id, at: currentTimeMs())
                record.async = AsyncState(maxAttempts: attempts)
                _ = try await calls.accept(
                    record, event: AcceptedEvent(Data("1".utf8), AsyncSettings()), key: nil)
            }
            #expect(try await calls.claim([again, spent]).count == 2)
            // A call can be claimed once.
            #expect(try await calls.claim([again]).isEmpty)
        }
        let calls = try open(CallRetention()).calls
        let retried = try #require(try await calls.call(again))
        #expect(
            retried.state == .queued && retried.async?.attempts.first?.cause == "evaluator_lost")
        let dead = try #require(try await calls.call(spent))
        #expect(dead.state == .failed && dead.cause == "evaluator_lost" && dead.isDead)
        #expect(try await calls.call(waiting)?.state == .queued)
        #expect(try await calls.waitingCalls().map(\.id) == [again, waiting])
    }
}
