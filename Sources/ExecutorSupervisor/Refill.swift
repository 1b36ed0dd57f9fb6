/// When a parked cell that a call has taken is replaced. The fork of another one wants a processor, and the
/// memory of the template that the call's cell still shares: it can wait until the call is over, while
/// enough cells are left for calls that come meanwhile.
struct Refill {
    /// When nothing has run for this long, the next call may be far away.
    static let lullNs: UInt64 = 2_000_000
    /// Calls may follow one another, or one may run for long: then it waits no longer than this.
    static let longestNs: UInt64 = 25_000_000

    /// When the first of the cells that are missing has waited for long enough; `.max` when none is.
    private(set) var latestNs = UInt64.max

    /// Whether to fork now.
    /// - Parameters:
    ///   - ready: cells that are parked, or will be soon.
    ///   - kept: those of them that not every call may have.
    ///   - atRest: how many there are to be while no call waits.
    ///   - waiting: how many calls wait for one.
    ///   - quietSinceNs: since when no call has been running; `.max` while one is.
    mutating func isDue(
        nowNs: UInt64, ready: Int, kept: Int, atRest: Int, waiting: Int, quietSinceNs: UInt64
    ) -> Bool {
        guard ready < atRest + waiting else {
            latestNs = .max
            return false
        }
        latestNs = min(latestNs, nowNs + Self.longestNs)
        guard
            waiting > 0 || ready <= kept || 2 * ready < atRest
                || nowNs >= dueNs(quietSinceNs: quietSinceNs)
        else { return false }
        latestNs = .max
        return true
    }

    /// When to look again; `.max` when nothing is missing.
    func dueNs(quietSinceNs: UInt64) -> UInt64 {
        guard latestNs != .max, quietSinceNs != .max else { return latestNs }
        return min(latestNs, quietSinceNs + Self.lullNs)
    }
}
