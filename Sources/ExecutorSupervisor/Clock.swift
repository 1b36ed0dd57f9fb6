import Glibc

/// Nanoseconds of CLOCK_MONOTONIC: for durations and deadlines. The same in every cell.
func monotonicNs() -> UInt64 {
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

func milliseconds(_ from: UInt64, _ to: UInt64) -> Double {
    to > from ? Double(to - from) / 1_000_000 : 0
}
