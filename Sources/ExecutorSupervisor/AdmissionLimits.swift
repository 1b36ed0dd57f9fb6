/// Who may wait: dynamic thresholds, as shared-memory switches have them for their ports (Choudhury
/// and Hahne, "Dynamic queue length thresholds for shared-memory packet switches", 1998). A
/// function may have a multiple of what is still free. One alone gets most of the room, several get
/// equal parts, and some is always left for one that comes new.
struct AdmissionLimits {
    /// Most calls that wait.
    var calls: Int
    /// Most bytes of their events.
    var bytes = 256 << 20
    /// With 4, one function alone can have four fifths of the room.
    static let share = 4

    /// - Parameters:
    ///   - calls: the function's that wait, and all that wait.
    ///   - bytes: those of their events.
    ///   - more: bytes of the event that asks. It is never too large when nothing waits.
    func admit(calls waiting: (own: Int, all: Int), bytes held: (own: Int, all: Int), more: Int)
        -> Bool
    {
        guard waiting.all < calls, waiting.own < Self.share * (calls - waiting.all) else {
            return false
        }
        if waiting.all == 0 { return true }
        return held.all + more <= bytes && held.own < Self.share * (bytes - held.all)
    }
}

/// How fast waiting calls get their turn: for telling when to try again.
struct QueuePace {
    private var lastNs: UInt64 = 0
    /// Mean time from one call's turn to the next, the latest counting most.
    private var gapNs = 0.0

    /// A call had its turn.
    /// - Parameter othersWait: whether the next turn could follow at once; pauses say nothing.
    mutating func turn(at nowNs: UInt64, othersWait: Bool) {
        if lastNs > 0, nowNs > lastNs {
            let gap = Double(nowNs - lastNs)
            gapNs += (gap - gapNs) / (gapNs == 0 ? 1 : 16)
        }
        lastNs = othersWait ? nowNs : 0
    }

    /// Seconds until a quarter of the waiting calls has had its turn, from 1 to 60.
    func retryAfterSeconds(waiting: Int) -> Int {
        Int(min(60, max(1, (Double(waiting) / 4 * gapNs / 1_000_000_000).rounded(.up))))
    }
}
