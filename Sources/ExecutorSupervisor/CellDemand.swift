/// How many cells of a language are kept parked: the configured number at rest, and more while calls
/// come faster than cells can be forked for them.
struct CellDemand {
    /// Cells beyond the configured number.
    private(set) var ahead = 0
    /// When one of them may go; `.max` while there are none.
    private(set) var restNs = UInt64.max
    /// Without a call that found none parked for this long, a quarter of them goes.
    private static let restStepNs: UInt64 = 1_000_000_000

    /// A call that could have started found no cell.
    mutating func missed(nowNs: UInt64, most: Int) {
        ahead = min(ahead + 1, most)
        restNs = nowNs + Self.restStepNs
    }

    /// Lets some go when it is time. Returns whether fewer are wanted than before.
    mutating func rest(nowNs: UInt64) -> Bool {
        guard nowNs >= restNs else { return false }
        ahead -= (ahead + 3) / 4
        restNs = ahead > 0 ? nowNs + Self.restStepNs : .max
        return true
    }
}
