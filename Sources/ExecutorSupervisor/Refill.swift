/// When parked cells that calls have taken are replaced. The fork of another one wants a processor, and the
/// memory of the template that the call's cell still shares: while enough cells are left for calls that come
/// meanwhile, it waits until a call's cell has gone, and each that goes makes way for one.
struct Refill {
    /// Calls may run for long: cells that are missing are missing no longer than this.
    static let longestNs: UInt64 = 25_000_000

    /// When the first of the cells that are missing has been so for long enough; `.max` when none is.
    private(set) var dueNs = UInt64.max
    /// Cells that have gone and are not replaced yet.
    private var gone = 0

    /// A cell that had been given a call has gone.
    mutating func hasGone() { gone += 1 }

    /// All that are missing are to be forked when it is asked next.
    mutating func hurry() { dueNs = 0 }

    /// How many cells to fork now.
    /// - Parameters:
    ///   - ready: cells that are parked, or will be soon.
    ///   - kept: those of them that not every call may have.
    ///   - atRest: how many there are to be while no call waits.
    ///   - further: how many more, for calls that wait for one.
    ///   - hurries: calls wait, for cells or for slots.
    mutating func forks(
        nowNs: UInt64, ready: Int, kept: Int, atRest: Int, further: Int, hurries: Bool
    ) -> Int {
        let missing = atRest + further - ready
        guard missing > 0 else {
            self = Refill()
            return 0
        }
        if hurries || nowNs >= dueNs {
            self = Refill()
            return missing
        }
        dueNs = min(dueNs, nowNs + Self.longestNs)
        let least = min(atRest, max((atRest + 1) / 2, kept + 1))
        let forks = min(missing, max(gone, least - ready))
        gone = max(0, gone - forks)
        return forks
    }
}
