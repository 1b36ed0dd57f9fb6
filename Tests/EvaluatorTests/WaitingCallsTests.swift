import FunctionRegistry
import Testing

@testable import Evaluator

/// The order of asynchronous calls, under a clock that the test sets.
struct WaitingCallsTests {
    private func entry(
        _ id: String, _ function: String = "f", due: UInt64 = 0, expires: UInt64 = .max,
        concurrency: Int? = nil, bytes: Int = 10, runtime: FunctionRuntime = .python
    ) -> WaitingCalls.Entry {
        WaitingCalls.Entry(
            id: id, function: function, runtime: runtime, concurrency: concurrency, dueNs: due,
            expiresNs: expires, bytes: bytes)
    }

    private func drain(_ calls: inout WaitingCalls, at now: UInt64) -> [String] {
        var ids: [String] = []
        while let next = calls.next(nowNs: now) { ids.append(next.id) }
        return ids
    }

    @Test func `functions take turns, however many calls one of them has`() {
        var calls = WaitingCalls(places: 4)
        for number in 0..<100 { calls.add(entry("flood-\(number)", "flood"), nowNs: 1) }
        #expect(drain(&calls, at: 1) == ["flood-0", "flood-1", "flood-2", "flood-3"])
        // A newcomer does not wait for a place, and the next free place is not the flood's alone.
        calls.add(entry("other-0", "other"), nowNs: 2)
        calls.add(entry("other-1", "other"), nowNs: 2)
        #expect(drain(&calls, at: 2) == ["other-0"])
        calls.finished(function: "flood")
        calls.finished(function: "flood")
        #expect(drain(&calls, at: 3) == ["other-1"])
    }

    @Test func `newcomers exceed the places at most twofold`() {
        var calls = WaitingCalls(places: 2)
        for number in 0..<9 { calls.add(entry("c\(number)", "f\(number)"), nowNs: 1) }
        #expect(drain(&calls, at: 1).count == 4)
    }

    @Test func `a function's own limit holds its calls back, not others`() {
        var calls = WaitingCalls(places: 8)
        for number in 0..<5 {
            calls.add(entry("a\(number)", "a", concurrency: 2), nowNs: 1)
            calls.add(entry("b\(number)", "b"), nowNs: 1)
        }
        let begun = drain(&calls, at: 1)
        #expect(begun.filter { $0.hasPrefix("a") } == ["a0", "a1"])
        #expect(begun.filter { $0.hasPrefix("b") }.count == 5)
        calls.finished(function: "a")
        #expect(drain(&calls, at: 1) == ["a2"])
        #expect(calls.place(of: "a3") == 1 && calls.place(of: "a4") == 2)
        #expect(calls.place(of: "a2") == nil)
    }

    @Test func `a call begins no earlier than it is due, and not before its template is ready`() {
        var calls = WaitingCalls(places: 8)
        calls.add(entry("late", due: 100), nowNs: 1)
        calls.add(entry("script", "g", runtime: .javascript), nowNs: 1)
        #expect(calls.nextDueNs() == 100)
        #expect(calls.place(of: "late") == 0)
        #expect(calls.next(nowNs: 99, runtimes: [.python]) == nil)
        #expect(calls.next(nowNs: 100, runtimes: [.python])?.id == "late")
        #expect(calls.nextDueNs() == nil)
        #expect(calls.hasReady)
        #expect(calls.next(nowNs: 100)?.id == "script")
    }

    @Test func `calls that are too old come out, and those that were removed do not`() {
        var calls = WaitingCalls(places: 8)
        calls.add(entry("old", expires: 50), nowNs: 1)
        calls.add(entry("young", expires: 500), nowNs: 1)
        calls.add(entry("gone", due: 40), nowNs: 1)
        #expect(calls.remove("gone")?.id == "gone")
        #expect(calls.remove("gone") == nil)
        #expect(calls.takeExpired(nowNs: 50) == [])
        #expect(calls.takeExpired(nowNs: 51).map(\.id) == ["old"])
        #expect(drain(&calls, at: 60) == ["young"])
    }

    @Test func `there is always room for another function, and never for more than the limit`() {
        var calls = WaitingCalls(places: 1, limit: .init(calls: 100, bytes: 1000))
        var flood = 0
        while calls.hasRoom(for: "flood", bytes: 1) {
            calls.add(entry("f\(flood)", "flood", bytes: 1), nowNs: 1)
            flood += 1
        }
        #expect(flood == 80)
        #expect(calls.hasRoom(for: "other", bytes: 1))
        #expect(!calls.hasRoom(for: "other", bytes: 921))
        for number in 0..<100 where calls.hasRoom(for: "g\(number)", bytes: 1) {
            calls.add(entry("g\(number)", "g\(number)", bytes: 1), nowNs: 1)
            flood += 1
        }
        #expect(flood == 100)
        // What was taken out leaves room again.
        _ = calls.next(nowNs: 1)
        #expect(calls.hasRoom(for: "new", bytes: 1))
    }

    @Test func `a clock that was set back by an hour delays no call by more than a pause`() {
        let hourMs: Int64 = 3_600_000
        let call = WaitingCall(
            id: "c", function: "f", runtime: .python, concurrency: nil, dueAtMs: 10 * hourMs,
            expiresAtMs: 16 * hourMs, bytes: 1)
        // Stored when the clock said ten, read when it says nine.
        let entry = WaitingCalls.Entry(call, nowNs: 7, nowMs: 9 * hourMs)
        #expect(entry.dueNs == 7 + UInt64(AsyncSettings.longestBackoffMs) * 1_000_000)
        #expect(entry.expiresNs == 7 + UInt64(7 * hourMs) * 1_000_000)
        // And set forward: due at once, and not expired because of it alone.
        let later = WaitingCalls.Entry(call, nowNs: 7, nowMs: 11 * hourMs)
        #expect(later.dueNs == 7)
        #expect(later.expiresNs == 7 + UInt64(5 * hourMs) * 1_000_000)
    }

    @Test func `a limit that changes holds for calls that wait already, and 0 lets none begin`() {
        var calls = WaitingCalls(places: 8)
        for number in 0..<6 { calls.add(entry("a\(number)", "a"), nowNs: 1) }
        calls.add(entry("b0", "b"), nowNs: 1)
        calls.setConcurrency(of: "a", 0)
        #expect(drain(&calls, at: 1) == ["b0"])
        calls.setConcurrency(of: "a", 2)
        #expect(drain(&calls, at: 1) == ["a0", "a1"])
        calls.setConcurrency(of: "a", nil)
        #expect(drain(&calls, at: 1) == ["a2", "a3", "a4", "a5"])
        // Nothing is kept of a function without waiting calls: the next says what holds.
        calls.setConcurrency(of: "a", 0)
        #expect(!calls.has("a"))
        for _ in 0..<6 { calls.finished(function: "a") }
        calls.add(entry("a6", "a"), nowNs: 1)
        #expect(drain(&calls, at: 1) == ["a6"])
    }

    @Test func `places are told after calls before and behind have left`() {
        var calls = WaitingCalls(places: 1)
        for number in 0..<9 { calls.add(entry("c\(number)"), nowNs: 1) }
        #expect(calls.remove("c4")?.id == "c4" && calls.remove("c4") == nil)
        #expect(calls.next(nowNs: 1)?.id == "c0")
        #expect((1..<9).map { calls.place(of: "c\($0)") } == [1, 2, 3, nil, 4, 5, 6, 7])
        calls.add(entry("c4"), nowNs: 2)
        #expect(calls.place(of: "c4") == 8)
        #expect(calls.takeExpired(nowNs: 3).isEmpty)
        calls.add(entry("x", expires: 5), nowNs: 3)
        #expect(calls.takeExpired(nowNs: 6).map(\.id) == ["x"])
        #expect(calls.place(of: "x") == nil && calls.place(of: "c4") == 8)
    }
}
