import Foundation
import Testing

@testable import FunctionRegistry

/// Lists of calls that are in memory: in order, and without looking at all of them.
struct CallOrderTests {
    @Test func `ids are in order however they come, and once`() {
        var order = CallOrder()
        for id in ["b", "d", "a", "c", "d", "a", "e"] { order.insert(id) }
        #expect(order.ids(before: nil, atMost: 9) == ["e", "d", "c", "b", "a"])
        #expect(order.ids(before: "d", atMost: 2) == ["c", "b"])
        #expect(order.ids(before: "cc", atMost: 1) == ["c"])
        #expect(order.ids(before: "a", atMost: 1).isEmpty)
    }

    @Test func `those that have left are forgotten once they are the most`() {
        var order = CallOrder()
        for number in 1000..<1200 { order.insert("\(number)") }
        order.compact(held: 100) { $0 >= "1100" }
        #expect(order.ids(before: nil, atMost: 999).count == 200)
        order.compact(held: 60) { $0 >= "1140" }
        #expect(order.ids(before: nil, atMost: 999).count == 60)
        order.insert("1001")
        #expect(order.ids(before: nil, atMost: 999).last == "1001")
    }

    @Test func `a look at calls in memory is at as many as it says, and goes on behind them`() {
        var backlog = CallBacklog(limits: CallBacklogLimits())
        for number in 0..<1000 { backlog.add(queuedRecord("\(1000 + number)")) }
        var seen: [String] = []
        var position = backlog.visit(before: nil, atMost: 10) { call, _, _ in
            seen.append(call.id)
            return true
        }
        #expect(seen == (0..<10).map { "\(1999 - $0)" })
        position = backlog.visit(before: position, atMost: 3) { call, _, _ in
            seen.append(call.id)
            return true
        }
        #expect(seen.suffix(3) == ["1989", "1988", "1987"])
        _ = backlog.end("1985", nowMs: 1) { record in
            record.state = .completed
            return CallEnd()
        }
        backlog.withdraw("1984")
        _ = backlog.takeBatch()
        _ = backlog.batchWritten()
        // Those that are over and written are not in memory any more.
        seen = []
        _ = backlog.visit(before: position, atMost: 5) { call, _, _ in
            seen.append(call.id)
            return true
        }
        #expect(seen == ["1986", "1983", "1982"])
    }

    /// Records in all states, some in memory, some stored, some both.
    @Test func `a list has the newest states in order, page after page`() async throws {
        let folder = try TemporaryFolder()
        let calls = try FunctionRegistry(directory: folder.path).calls
        let ids = CallIDGenerator()
        var all: [String] = []
        for number in 0..<600 {
            let id = ids.next()
            all.append(id)
            let function = number.isMultiple(of: 3) ? "a" : "b"
            if number.isMultiple(of: 2) {
                try calls.recordCompleted(id, function: function)
            } else {
                try calls.recordQueued(queuedRecord(id, function: function))
            }
            if number == 300 { await calls.flush() }
            // Stored as queued, and further on in memory.
            if number > 300, number.isMultiple(of: 50) {
                calls.recordStarted(id: all[number - 299], startedAtMs: 1, template: "t")
            }
        }
        for limit in [1, 7, 256, 1000] {
            var listed: [CallRecord] = []
            var cursor: String?
            repeat {
                let page = try await calls.calls(limit: limit, cursor: cursor)
                listed += page.items
                cursor = page.nextCursor
            } while cursor != nil
            #expect(listed.map(\.id) == all.reversed(), "\(limit)")
            #expect(listed.count { $0.state == .running } == 5)
        }
        let queued = try await calls.calls(
            CallFilter(function: "a", state: .queued), limit: 1000
        ).items
        let expected = (0..<600).filter { $0 % 3 == 0 && $0 % 2 == 1 }
        #expect(Set(queued.map(\.id)).isSubset(of: expected.map { all[$0] }))
        #expect(queued.allSatisfy { $0.state == .queued && $0.function == "a" })
    }
}
