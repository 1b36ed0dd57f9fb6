import Glibc

/// Nanoseconds of CLOCK_MONOTONIC: for durations and deadlines. The same in every cell.
public func monotonicNs() -> UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
}

/// Milliseconds since 1970, in UTC: for showing.
func wallClockMs() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
}

/// A call's own times of day: the wall clock is read once, and what comes later is as much later as
/// the monotonic clock says, so that setting the wall clock back changes no order.
struct CallClock {
    /// CLOCK_MONOTONIC nanoseconds and milliseconds since 1970, of the same moment.
    var startNs: UInt64
    var startMs: Int64

    init(startNs: UInt64 = monotonicNs(), startMs: Int64 = wallClockMs()) {
        self.startNs = startNs
        self.startMs = startMs
    }

    /// Milliseconds since 1970 at a moment of the monotonic clock; never before the start.
    func wallMs(at nowNs: UInt64) -> Int64 {
        startMs + (nowNs > startNs ? Int64((nowNs - startNs) / 1_000_000) : 0)
    }
}

func milliseconds(_ from: UInt64, _ to: UInt64) -> Double {
    to > from ? Double(to - from) / 1_000_000 : 0
}
