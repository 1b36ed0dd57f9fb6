import Foundation
import Synchronization
import Testing

@testable import FunctionRegistry

/// Lists and searches that must not slow down with the number of calls.
struct LongHistoryTests {
    let folder: TemporaryFolder
    let registry: FunctionRegistry

    init() throws {
        folder = try TemporaryFolder()
        registry = try FunctionRegistry(
            directory: folder.path, retention: CallRetention(logAgeMs: 1 << 42))
    }

    private static let filters: [CallFilter] = [nil, "hello"].flatMap { function in
        [nil, CallRecord.State.failed].flatMap { state in
            [false, true].map { CallFilter(function: function, state: state, dead: $0) }
        }
    }

    @Test(arguments: filters, [nil, "01ARZ3NDEKTSV4RRFFQ69G5FAV"])
    func `an index has the calls of every list in its order`(
        _ filter: CallFilter, _ before: String?
    ) throws {
        let list = CallStore.list(filter, before: before, limit: 100)
        let sql = list.sql.replacingOccurrences(of: "?", with: "1")
        let plan = try sqlite(folder.path, "EXPLAIN QUERY PLAN \(sql)").joined()
        #expect(plan.contains("USING INDEX") && !plan.contains("TEMP B-TREE"), "\(plan)")
        // All that is asked for is looked up: nothing is read and then left out.
        for (isAsked, column) in [
            (filter.function != nil, "function=?"), (filter.state != nil, "state=?"),
        ] {
            #expect(plan.contains(column) == isAsked, "\(plan)")
        }
        #expect(plan.contains("dead") == filter.dead, "\(plan)")
    }

    @Test func `a search between two times finds what one through everything finds`() async throws {
        let start: Int64 = 1_700_000_000_000
        let clock = Mutex(start)
        let ids = CallIDGenerator { clock.withLock { $0 } }
        var times: [Int64] = []
        for call in 0..<40 {
            // A call every minute prints when it is accepted; some run for long and print again.
            let accepted = start + Int64(call) * 60_000
            clock.withLock { $0 = accepted }
            let printed = [accepted, accepted + (call % 7 == 0 ? 600_000 : 5)]
            times += printed
            let id = ids.next()
            try registry.calls.recordQueued(queuedRecord(id, at: accepted))
            registry.calls.recordStarted(id: id, startedAtMs: accepted, template: "python-1")
            let log = printed.map { CallLogLine(timeMs: $0, stream: .stdout, text: "\($0)") }
            registry.calls.recordEnded(id: id, log: log) { record in
                record.state = .completed
                record.endedAtMs = printed[1]
            }
            // The last ones are in memory only.
            if call == 35 { #expect(await registry.calls.flush()) }
        }
        for (since, until) in [
            (start + 1_000_000, nil), (nil, start + 600_000), (start + 900_000, start + 1_300_000),
            (start + 610_000, start + 610_000), (start + 10_000_000, nil), (nil, start - 5000),
        ] as [(Int64?, Int64?)] {
            let filter = LogFilter(function: "hello", sinceMs: since, untilMs: until)
            var found: [Int64] = []
            var cursor: String?
            repeat {
                let page = try await registry.calls.lines(filter, limit: 7, cursor: cursor)
                found += page.items.map(\.line.timeMs)
                cursor = page.nextCursor
            } while cursor != nil
            let expected = times.filter { $0 >= since ?? .min && $0 <= until ?? .max }
            #expect(found.sorted() == expected.sorted(), "\(since ?? 0) \(until ?? 0)")
        }
    }

    @Test func `how far back to search is told by an index alone`() throws {
        let sql = CallRecorder.oldestCallSQL.replacingOccurrences(of: "?", with: "1")
        let plan = try sqlite(folder.path, "EXPLAIN QUERY PLAN \(sql)").joined()
        #expect(plan.contains("COVERING INDEX callLog_time (timeMs>?)"), "\(plan)")
    }
}
