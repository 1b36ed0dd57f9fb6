import Testing

@testable import ExecutorSupervisor

@Suite struct SnapshotLimitsTests {
    private let limits = SnapshotLimits(slots: 8, parked: 4)

    @Test func `a function gets half of the snapshots, and then gives up one of its own`() {
        #expect(limits.most == 8)
        #expect(limits.room(own: 0, long: nil, all: 0) == .free)
        #expect(limits.room(own: 3, long: nil, all: 7) == .free)
        #expect(limits.room(own: 4, long: nil, all: 4) == .ofItsOwn)
        #expect(limits.room(own: 0, long: nil, all: 8) == .ofAny)
        #expect(SnapshotLimits(slots: 1, parked: 1).room(own: 0, long: nil, all: 1) == .free)
        #expect(SnapshotLimits(slots: 4096, parked: 4).most == 16)
    }

    @Test func `those for long calls get three quarters`() {
        #expect(limits.room(own: 0, long: 5, all: 7) == .free)
        #expect(limits.room(own: 0, long: 6, all: 6) == .ofLong)
        #expect(SnapshotLimits(slots: 4, parked: 4).mostLong == 3)
    }

    @Test func `no snapshot forks beyond the places that it has`() {
        for waiting in [0, 1, 2, 80] {
            for ready in 0...4 {
                let forks = limits.forks(
                    ahead: 2, waiting: waiting, ready: ready, warming: 0, hasFailed: false)
                #expect(ready + forks <= limits.mostForks)
            }
        }
        #expect(limits.forks(ahead: 0, waiting: 0, ready: 0, warming: 0, hasFailed: false) == 2)
        #expect(limits.forks(ahead: 0, waiting: 0, ready: 2, warming: 0, hasFailed: false) == 0)
        #expect(limits.places == limits.most * (1 + limits.mostForks))
    }

    @Test func `a function's forks warm few at a time over its versions, and one after a failure`()
    {
        #expect(limits.forks(ahead: 0, waiting: 9, ready: 0, warming: 3, hasFailed: false) == 1)
        #expect(limits.forks(ahead: 0, waiting: 9, ready: 0, warming: 4, hasFailed: false) == 0)
        #expect(limits.forks(ahead: 0, waiting: 9, ready: 0, warming: 0, hasFailed: true) == 1)
        #expect(limits.forks(ahead: 0, waiting: 9, ready: 1, warming: 1, hasFailed: true) == 0)
    }

    @Test func `a fork may take as long to park as a call, within bounds`() {
        #expect(SnapshotLimits.parkNs(timeoutMs: 1) == 2_000_000_000)
        #expect(SnapshotLimits.parkNs(timeoutMs: 8000) == 8_000_000_000)
        #expect(SnapshotLimits.parkNs(timeoutMs: 900_000) == 15_000_000_000)
    }
}
