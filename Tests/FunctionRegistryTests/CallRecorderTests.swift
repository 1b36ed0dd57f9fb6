import Foundation
import FunctionRegistry
import Testing

struct CallRecorderTests {
    let folder: TemporaryFolder
    let registry: FunctionRegistry
    let ids = CallIDGenerator()
    var calls: CallRecorder { registry.calls }

    init() throws {
        folder = try TemporaryFolder()
        registry = try FunctionRegistry(
            directory: folder.path,
            // The calls here are of 2023.
            retention: CallRetention(records: 50, logBytes: 2000, logAgeMs: 1 << 42))
    }

    /// Runs SQL on the database from outside, as a witness of what is on the disk.
    private func rows(_ sql: String) throws -> [String] {
        try sqlite(folder.path, sql)
    }

    @Test func `a call is readable from memory before anything is written`() async throws {
        let id = ids.next()
        try calls.recordQueued(queuedRecord(id))
        #expect(try await calls.call(id)?.state == .queued)
        calls.recordStarted(id: id, startedAtMs: 5, template: "python-1")
        #expect(try await calls.call(id)?.state == .running)
        #expect(try await calls.call(id)?.startedAtMs == 5)
        let line = CallLogLine(timeMs: 6, stream: .stderr, text: "hé\"llo")
        calls.recordEnded(id: id, log: [line]) { record in
            record.state = .failed
            record.cause = "handler_error"
            record.stack = ["one", "two"]
        }
        let inMemory = try #require(try await calls.call(id))
        #expect(inMemory.state == .failed)
        #expect(inMemory.endedAtMs != nil)
        #expect(try await calls.log(id)?.lines.map(\.line) == [line])
        #expect(try await calls.calls(limit: 10).items == [inMemory])
        #expect(try rows("SELECT count(*) FROM call") == ["0"])
        #expect(await calls.flush())
        #expect(calls.health.pendingRecords == 0)
        #expect(calls.health.pendingLogBytes == 0)
        #expect(try rows("SELECT state FROM call") == ["failed"])
        #expect(try await calls.call(id) == inMemory)
        #expect(try await calls.calls(limit: 10).items == [inMemory])
        #expect(try await calls.log(id)?.lines.map(\.line) == [line])
        #expect(try await calls.log(id)?.truncated == false)
    }

    @Test func `the service writes by itself, and once more when it is cancelled`() async throws {
        let service = Task { [calls] in await calls.run() }
        let first = ids.next()
        try calls.recordCompleted(first)
        try await eventually { try rows("SELECT state FROM call") == ["completed"] }
        let second = ids.next()
        try calls.recordCompleted(second)
        service.cancel()
        await service.value
        #expect(try rows("SELECT count(*) FROM call") == ["2"])
    }

    @Test func `a call that was withdrawn leaves no record, written or not`() async throws {
        let early = ids.next()
        try calls.recordQueued(queuedRecord(early))
        calls.withdraw(early)
        let late = ids.next()
        try calls.recordQueued(queuedRecord(late))
        #expect(await calls.flush())
        calls.withdraw(late)
        #expect(try await calls.calls(limit: 10).items.map(\.id).contains(early) == false)
        #expect(await calls.flush())
        #expect(try rows("SELECT count(*) FROM call") == ["0"])
        #expect(try await calls.call(late) == nil)
    }

    @Test func `the end of an unknown call changes nothing`() async throws {
        calls.recordEnded(id: ids.next(), log: []) { $0.state = .completed }
        #expect(await calls.flush())
        #expect(try rows("SELECT count(*) FROM call") == ["0"])
        #expect(try await calls.call("nonsense") == nil)
        #expect(try await calls.log(ids.next()) == nil)
    }

    @Test func `pages of calls join memory and disk without repeating or skipping`() async throws {
        var expected: [String] = []
        for number in 0..<30 {
            let id = ids.next()
            let function = number.isMultiple(of: 3) ? "other" : "hello"
            // A third is over and on the disk, a third was running when written and is over only in
            // memory, and a third is only in memory.
            switch number / 10 {
            case 0: try calls.recordCompleted(id, function: function)
            case 1:
                try calls.recordQueued(queuedRecord(id, function: function))
                if number == 19 {
                    #expect(await calls.flush())
                    for id in expected.suffix(9) + [id] {
                        calls.recordEnded(id: id, log: []) { $0.state = .completed }
                    }
                }
            default: try calls.recordCompleted(id, function: function)
            }
            expected.append(id)
        }
        func all(_ filter: CallFilter, limit: Int) async throws -> [String] {
            var seen: [String] = []
            var cursor: String?
            repeat {
                let page = try await calls.calls(filter, limit: limit, cursor: cursor)
                seen += page.items.map(\.id)
                cursor = page.nextCursor
            } while cursor != nil
            return seen
        }
        for limit in [1, 4, 7, 29, 30, 31] {
            #expect(try await all(CallFilter(), limit: limit) == expected.reversed())
            #expect(
                try await all(CallFilter(state: .completed), limit: limit) == expected.reversed())
            #expect(try await all(CallFilter(state: .queued), limit: limit) == [])
            let others = expected.enumerated().filter { $0.offset.isMultiple(of: 3) }.map(\.element)
            #expect(
                try await all(CallFilter(function: "other", state: .completed), limit: limit)
                    == others.reversed())
        }
        let error = await registryError { _ = try await calls.calls(limit: 1, cursor: "Y2E") }
        #expect(error == .invalidCursor)
    }

    @Test func `calls that were under way when the evaluator died are settled at the next start`()
        async throws
    {
        let folder = try TemporaryFolder()
        let (waiting, running, done) = (ids.next(), ids.next(), ids.next())
        do {
            let registry = try FunctionRegistry(directory: folder.path)
            try registry.calls.recordQueued(queuedRecord(waiting))
            try registry.calls.recordQueued(queuedRecord(running))
            registry.calls.recordStarted(id: running, startedAtMs: 5, template: "python-1")
            try registry.calls.recordCompleted(done)
            #expect(await registry.calls.flush())
        }
        let calls = try FunctionRegistry(directory: folder.path).calls
        for (id, message) in [
            (waiting, "the evaluator stopped before the call started"),
            (running, "the evaluator stopped while the call ran"),
        ] {
            let record = try #require(try await calls.call(id))
            #expect(record.state == .failed)
            #expect(record.cause == "evaluator_lost")
            #expect(record.message == message)
            #expect(record.endedAtMs != nil)
        }
        #expect(try await calls.call(done)?.state == .completed)
    }

    @Test func `only the newest records and logs are kept, and what runs is kept in any case`()
        async throws
    {
        let service = Task { [calls] in await calls.run() }
        let oldest = ids.next()
        try calls.recordQueued(queuedRecord(oldest))
        var last: String = ""
        for number in 0..<120 {
            last = ids.next()
            let line = CallLogLine(timeMs: 1, stream: .stdout, text: "line \(number)")
            try calls.recordCompleted(last, log: [line])
        }
        try await eventually { try rows("SELECT calls FROM usage") == ["50"] }
        let kept = try await calls.calls(limit: 100).items.map(\.id)
        #expect(kept.count == 50)
        #expect(kept.first == last)
        #expect(kept.last == oldest)
        let long = ids.next()
        let line = CallLogLine(
            timeMs: 1, stream: .stdout, text: String(repeating: "x", count: 1970))
        try calls.recordCompleted(long, log: [line])
        try await eventually {
            try rows(
                "SELECT logBytes <= 2000 AND EXISTS (SELECT 1 FROM callLog WHERE id = '\(long)') "
                    + "FROM usage") == ["1"]
        }
        #expect(try await calls.log(long)?.lines.map(\.line) == [line])
        let pruned = try #require(try await calls.log(last))
        #expect(pruned.lines == [])
        #expect(pruned.truncated)
        #expect(try rows("SELECT sum(bytes) = (SELECT logBytes FROM usage) FROM callLog") == ["1"])
        service.cancel()
        await service.value
    }

    @Test func `a failed write keeps everything and tries again`() async throws {
        let service = Task { [calls] in await calls.run() }
        defer { service.cancel() }
        // A trigger that refuses everything stands for a full disk.
        _ = try rows(
            "CREATE TRIGGER full BEFORE INSERT ON call BEGIN SELECT RAISE (ABORT, 'disk is full'); END"
        )
        let id = ids.next()
        try calls.recordCompleted(id, log: [CallLogLine(timeMs: 1, stream: .stdout, text: "kept")])
        try await eventually { calls.health.lastError?.contains("disk is full") == true }
        #expect(calls.health.pendingRecords == 1)
        #expect(try await calls.call(id)?.state == .completed)
        #expect(try await calls.log(id)?.lines.first?.line.text == "kept")
        _ = try rows("DROP TRIGGER full")
        try await eventually { try rows("SELECT state FROM call") == ["completed"] }
        try await eventually { calls.health.lastError == nil && calls.health.pendingRecords == 0 }
    }

    @Test func `calls are refused when too much waits to be written`() async throws {
        let folder = try TemporaryFolder()
        let registry = try FunctionRegistry(
            directory: folder.path, backlog: CallBacklogLimits(records: 3, logBytes: 100))
        for _ in 0..<3 { try registry.calls.recordCompleted(ids.next()) }
        #expect(throws: RegistryError.self) {
            try registry.calls.recordQueued(queuedRecord(ids.next()))
        }
        #expect(await registry.calls.flush())
        let line = CallLogLine(timeMs: 1, stream: .stdout, text: String(repeating: "x", count: 100))
        try registry.calls.recordCompleted(ids.next(), log: [line])
        #expect(throws: RegistryError.self) {
            try registry.calls.recordQueued(queuedRecord(ids.next()))
        }
        #expect(await registry.calls.flush())
        try registry.calls.recordQueued(queuedRecord(ids.next()))
    }

    @Test func `waiting for a report waits only for calls whose caller has the answer`()
        async throws
    {
        let id = ids.next()
        try calls.recordQueued(queuedRecord(id))
        let clock = ContinuousClock()
        let immediate = await clock.measure { await calls.waitForReport(id, atMost: .seconds(5)) }
        #expect(immediate < .seconds(1))
        calls.recordReplied(id: id)
        let limited = await clock.measure {
            await calls.waitForReport(id, atMost: .milliseconds(100))
        }
        #expect(limited >= .milliseconds(100))
        async let waiting: Void = calls.waitForReport(id, atMost: .seconds(30))
        try await Task.sleep(for: .milliseconds(50))
        calls.recordEnded(id: id, log: []) { $0.state = .completed }
        await waiting
        #expect(try await calls.call(id)?.state == .completed)
    }

    @Test func `ten thousand calls from many threads are all written`() async throws {
        let folder = try TemporaryFolder()
        let registry = try FunctionRegistry(directory: folder.path)
        let service = Task { await registry.calls.run() }
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask { [ids] in
                    for _ in 0..<1250 {
                        try? registry.calls.recordCompleted(ids.next())
                        await Task.yield()
                    }
                }
            }
        }
        service.cancel()
        await service.value
        #expect(
            try sqlite(folder.path, "SELECT count(*), min(state) FROM call") == ["10000 completed"])
        #expect(try sqlite(folder.path, "SELECT calls FROM usage") == ["10000"])
    }
}
