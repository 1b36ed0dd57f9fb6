/// How many snapshots are kept, and how many cells are forked ahead of calls from them. Each has places of
/// its own for its keeper and these cells, so that no snapshot takes the places of ordinary calls.
struct SnapshotLimits {
    /// Snapshots that are kept at once.
    let most: Int
    /// Those of one function, over all its versions.
    let mostOfOne: Int
    /// Those of functions whose calls may take long (`SupervisorCore.longMs`).
    let mostLong: Int
    /// Parked cells of each at rest.
    let parked: Int
    /// Cells of each that are forked and run no call yet, and those of one function that are not parked yet:
    /// a fork is put into its control group from outside, where the kernel waits for all processors
    /// (some 10 ms) when it has not done that just before.
    let mostForks: Int

    /// - Parameters:
    ///   - slots: calls that run at once.
    ///   - parked: cells that are kept ready for each language.
    init(slots: Int, parked: Int) {
        most = max(2, min(slots, 16))
        mostOfOne = max(1, most / 2)
        mostLong = max(1, most - most / 4)
        self.parked = min(2, parked)
        mostForks = max(2, parked)
    }

    /// Places for keepers and cells that run no call yet.
    var places: Int { most * (1 + mostForks) }

    enum Room: Equatable {
        case free
        /// There is none before an unused one of the function's own, of those for long calls, or of any has
        /// gone.
        case ofItsOwn
        case ofLong
        case ofAny
    }

    /// Whether a function may have one more.
    /// - Parameter long: those for long calls; `nil` where the function's are not.
    func room(own: Int, long: Int?, all: Int) -> Room {
        if own >= mostOfOne { return .ofItsOwn }
        if let long, long >= mostLong { return .ofLong }
        return all >= most ? .ofAny : .free
    }

    /// How many cells to have that run no call.
    /// - Parameters:
    ///   - ahead: what demand asks for beside those at rest.
    ///   - waiting: calls that wait for one.
    ///   - ready: cells that are parked or warming.
    ///   - warming: cells of the function, over all its versions, that are not parked yet.
    ///   - hasFailed: the last one ended before it was parked.
    /// - Returns: how many more to fork.
    func forks(ahead: Int, waiting: Int, ready: Int, warming: Int, hasFailed: Bool) -> Int {
        let wanted = min(mostForks, parked + ahead + waiting)
        let atOnce = hasFailed ? 1 : mostForks
        return max(0, min(wanted - ready, atOnce - warming))
    }

    /// How long a cell may take to be parked, in nanoseconds: what a module has asked for after a fork runs
    /// before. As long as a call, and long enough for a busy machine.
    static func parkNs(timeoutMs: Int) -> UInt64 {
        UInt64(min(15_000, max(2_000, timeoutMs))) * 1_000_000
    }

    /// One that takes longer than this counts as a call of its function from then on.
    static let warmNs: UInt64 = 200_000_000
    /// One that nobody has called for this long is ended.
    static let idleNs: UInt64 = 600_000_000_000
    /// CPU time of a snapshot's whole life beyond that of a call, in seconds: forking takes some 2 ms each.
    /// One that has used it up is loaded anew.
    static let lifeSeconds = 60
}
