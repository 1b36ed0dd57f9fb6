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

    /// Lowers a parked cell's priority before it has its call. Nothing in it can raise it again:
    /// that takes CAP_SYS_NICE and a system call that the cells' filter refuses. Without effect
    /// where the evaluator is root of another user's processes and has no CAP_SYS_NICE.
    static func lower(_ cell: Cell, nice: Int32) {
        guard nice > TemplatePriority.nice, let process = cell.process,
            let pid = number(of: process)
        else { return }
        _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), pid, nice)
    }

    /// The process id behind a pidfd; `nil` once it has been reaped (pidfd_open(2): then it is -1).
    private static func number(of process: Descriptor) -> id_t? {
        let file = open("/proc/self/fdinfo/\(process.raw)", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        return withUnsafeTemporaryAllocation(byteCount: 512, alignment: 1) { space in
            let count = read(file, space.baseAddress, space.count)
            guard count > 0 else { return nil }
            return pid(inFdinfo: String(decoding: space[..<count], as: UTF8.self))
        }
    }

    static func pid(inFdinfo text: String) -> id_t? {
        let line = text.split(separator: "\n").first { $0.hasPrefix("Pid:") }
        let number = line.flatMap {
            Int($0.dropFirst("Pid:".count).drop { $0 == "\t" || $0 == " " })
        }
        // 0 would be the evaluator itself.
        return number.flatMap { $0 > 0 ? id_t($0) : nil }
    }
}
