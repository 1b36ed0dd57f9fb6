import Glibc
import SandboxKit

/// How much of the processors a call's cell gets where there are not enough for all.
enum CellPriority {
    /// The nice level of a call whose function runs some already. The first call of a function is
    /// worth as much as any; the others together weigh about a tenth of it each (sched(7)), so that
    /// a flood is no reason for a newcomer to wait for a processor.
    static func nice(running: Int) -> Int32 {
        running == 0 ? TemplatePriority.nice : TemplatePriority.nice + 10
    }

    /// Cells get a processor soon after their call has come, for short times (see `cell_start_soon`).
    /// Code that still runs after this long, in nanoseconds, changes with others as any process does:
    /// computing in short slices costs it a tenth.
    static let soonNs: UInt64 = 100_000_000

    /// Lowers a parked cell's priority before it has its call. Nothing in it can raise it again:
    /// that takes CAP_SYS_NICE and a system call that the cells' filter refuses. Without effect
    /// where the evaluator is root of another user's processes and has no CAP_SYS_NICE.
    static func lower(_ cell: Cell, nice: Int32) {
        guard nice > TemplatePriority.nice, let pid = cell.pid else { return }
        _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(pid), nice)
    }
}
