import Testing

@testable import ExecutorSupervisor

@Suite struct ClockTests {
    @Test func `a call's times follow the monotonic clock from one reading of the wall clock`() {
        let clock = CallClock(startNs: 5_000_000, startMs: 1_700_000_000_000)
        #expect(clock.wallMs(at: 5_000_000) == 1_700_000_000_000)
        #expect(clock.wallMs(at: 5_999_999) == 1_700_000_000_000)
        #expect(clock.wallMs(at: 8_000_000) == 1_700_000_000_003)
        #expect(clock.wallMs(at: 0) == 1_700_000_000_000)
    }
}
