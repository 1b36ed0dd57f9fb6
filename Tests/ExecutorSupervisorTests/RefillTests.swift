import Testing

@testable import ExecutorSupervisor

@Suite struct RefillTests {
    private let ms: UInt64 = 1_000_000

    /// Four at rest, one of them kept for newcomers.
    private func isDue(
        _ refill: inout Refill, at nowMs: UInt64, ready: Int, waiting: Int = 0,
        quietSinceMs: UInt64? = nil
    ) -> Bool {
        refill.isDue(
            nowNs: nowMs * ms, ready: ready, kept: 1, atRest: 4, waiting: waiting,
            quietSinceNs: quietSinceMs.map { $0 * ms } ?? .max)
    }

    @Test func `nothing is due while nothing is missing`() {
        var refill = Refill()
        #expect(!isDue(&refill, at: 1, ready: 4, quietSinceMs: 0))
        #expect(refill.dueNs(quietSinceNs: 0) == .max)
    }

    @Test func `a taken cell is replaced in the lull after its call`() {
        var refill = Refill()
        #expect(!isDue(&refill, at: 10, ready: 3))
        #expect(refill.dueNs(quietSinceNs: .max) == 35 * ms)
        // The call is over, and another may come at once.
        #expect(!isDue(&refill, at: 13, ready: 3, quietSinceMs: 12))
        #expect(refill.dueNs(quietSinceNs: 12 * ms) == 14 * ms)
        #expect(isDue(&refill, at: 14, ready: 3, quietSinceMs: 12))
        #expect(refill.dueNs(quietSinceNs: 12 * ms) == .max)
    }

    @Test func `it waits no longer than its bound beside calls that follow one another`() {
        var refill = Refill()
        #expect(!isDue(&refill, at: 10, ready: 3))
        #expect(!isDue(&refill, at: 30, ready: 2))
        #expect(isDue(&refill, at: 35, ready: 2))
    }

    @Test func `it does not wait when fewer than half are left, or only the one that is kept`() {
        var refill = Refill()
        #expect(isDue(&refill, at: 10, ready: 1))
        #expect(
            refill.isDue(
                nowNs: 10 * ms, ready: 1, kept: 1, atRest: 2, waiting: 0, quietSinceNs: .max))
        #expect(
            !refill.isDue(
                nowNs: 10 * ms, ready: 1, kept: 0, atRest: 2, waiting: 0, quietSinceNs: .max))
        #expect(
            refill.isDue(
                nowNs: 10 * ms, ready: 0, kept: 0, atRest: 1, waiting: 0, quietSinceNs: .max))
    }

    @Test func `calls that wait are reason enough`() {
        var refill = Refill()
        #expect(isDue(&refill, at: 10, ready: 4, waiting: 1))
    }
}
