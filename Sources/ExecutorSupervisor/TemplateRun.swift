import SandboxKit

/// One start of a language's template.
final class TemplateRun {
    enum Phase {
        case starting
        case ready
        /// Gone; a new one starts in its place.
        case lost
    }

    let process: Template
    /// The one that it keeps, for a keeper.
    weak var snapshot: Snapshot?
    /// Names it in records: `python-1`.
    let name: String
    let startedNs = monotonicNs()
    var phase = Phase.starting
    var readyNs: UInt64 = 0
    /// What the launcher or the interpreter said was wrong.
    var complaint = ""

    init(process: Template, name: String) {
        self.process = process
        self.name = name
    }
}

/// A language's place in the supervisor: its executor, its template of the moment, its cells.
final class Lane {
    let executor: PreparedExecutor
    var template: TemplateRun?
    var parked: [CellRun] = []
    var warming = 0
    var demand = CellDemand()
    var refill = Refill()
    var running = 0
    var starts = 0
    var restarts = 0
    /// Failures one after the other; the pause before the next start grows with them.
    var failures = 0
    /// When the next start is due; 0 when none is.
    var startDueNs: UInt64 = 0
    var detail = ""
    /// Sizes of a parked cell: what limits on them must leave room for.
    var footprint: CellFootprint?

    init(_ executor: PreparedExecutor) {
        self.executor = executor
    }

    /// 0 for the first restart, then 0.1 s doubling to 5 s.
    var pauseNs: UInt64 {
        failures <= 1 ? 0 : min(5_000_000_000, 100_000_000 << UInt64(min(failures - 2, 10)))
    }

    /// Whether calls may still be queued: a start is under way or due, and the last ones did not
    /// all fail.
    var isHopeful: Bool { failures < 5 }

    func status(stopping: Bool) -> TemplateStatus {
        let state: TemplateStatus.State =
            switch template?.phase {
            case _ where stopping: .stopped
            case .ready: .ready
            case .starting: starts > 1 ? .restarting : .starting
            case .lost, nil: isHopeful ? .restarting : .failed
            }
        return TemplateStatus(
            runtime: executor.runtime, state: state, interpreter: executor.version,
            parked: parked.count,
            running: running, restarts: restarts, detail: state == .ready ? "" : detail)
    }
}

/// One place for a cell: its user id and its cgroup.
final class Slot {
    let index: Int
    /// User and group id in the template's world; 0 where there is only one.
    let uid: UInt32
    let cgroup: CgroupSlot?
    /// When its last cell went.
    var emptiedNs: UInt64 = 0

    init(index: Int, uid: UInt32, cgroup: CgroupSlot?) {
        self.index = index
        self.uid = uid
        self.cgroup = cgroup
    }
}
