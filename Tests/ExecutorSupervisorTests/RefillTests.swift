import Testing

@testable import ExecutorSupervisor

@Suite struct RefillTests {
    private let ms: UInt64 = 1_000_000

    /// Four at rest, one of them kept for newcomers.
    private func forks(
        _ refill: inout Refill, at nowMs: UInt64, ready: Int, atRest: Int = 4, kept: Int = 1,
        waiting: Int = 0
    ) -> Int {
        refill.forks(
            nowNs: nowMs * ms, ready: ready, kept: kept, atRest: atRest, further: waiting,
            hurries: waiting > 0)
    }

    @Test func `nothing is forked while nothing is missing`() {
        var refill = Refill()
        #expect(forks(&refill, at: 1, ready: 4) == 0)
        #expect(refill.dueNs == .max)
        refill.hasGone()
        #expect(forks(&refill, at: 1, ready: 4) == 0)
        // One that has gone long ago is no reason to hurry.
        #expect(forks(&refill, at: 2, ready: 3) == 0)
    }

    @Test func `a taken cell is replaced when its call's cell has gone`() {
        var refill = Refill()
        #expect(forks(&refill, at: 10, ready: 3) == 0)
        #expect(refill.dueNs == 35 * ms)
        refill.hasGone()
        #expect(forks(&refill, at: 12, ready: 3) == 1)
        #expect(forks(&refill, at: 12, ready: 4) == 0)
        #expect(refill.dueNs == .max)
    }

    @Test func `calls that follow one another have one fork each`() {
        var refill = Refill()
        #expect(forks(&refill, at: 10, ready: 3) == 0)
        refill.hasGone()
        // The next call has taken its cell already.
        #expect(forks(&refill, at: 11, ready: 2) == 1)
        #expect(forks(&refill, at: 11, ready: 3) == 0)
    }

    @Test func `beside a call that runs for long it waits no longer than its bound`() {
        var refill = Refill()
        #expect(forks(&refill, at: 10, ready: 3) == 0)
        #expect(forks(&refill, at: 34, ready: 2) == 0)
        #expect(forks(&refill, at: 35, ready: 2) == 2)
    }

    @Test func `it does not wait when fewer than half are left, or only the one that is kept`() {
        var refill = Refill()
        #expect(forks(&refill, at: 10, ready: 1) == 1)
        #expect(forks(&refill, at: 10, ready: 0) == 2)
        #expect(forks(&refill, at: 10, ready: 1, atRest: 2) == 1)
        #expect(forks(&refill, at: 10, ready: 1, atRest: 2, kept: 0) == 0)
        #expect(forks(&refill, at: 10, ready: 0, atRest: 1, kept: 0) == 1)
    }

    @Test func `a new template's are forked all at once`() {
        var refill = Refill()
        refill.hurry()
        #expect(forks(&refill, at: 10, ready: 0) == 4)
        #expect(forks(&refill, at: 11, ready: 3) == 0)
    }

    @Test func `calls that wait have theirs at once`() {
        var refill = Refill()
        #expect(forks(&refill, at: 10, ready: 4, waiting: 1) == 1)
        #expect(forks(&refill, at: 10, ready: 1, waiting: 2) == 5)
    }
}
