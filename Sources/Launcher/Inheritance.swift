import CSandbox
import Glibc
import SandboxKit

/// What the launcher asks for itself before it makes anything, and templates, keepers and cells inherit.
enum Inheritance {
    static func take() throws(SandboxError) {
        leaveFirstPlace()
        goBeforeTheEvaluator()
        try makeRoomForFiles()
    }

    /// What is started here gives way to the evaluator, which decides whose turn it is and answers.
    ///
    /// It has no terminal, and one session for all its cells: where the kernel groups sessions for the
    /// scheduler (sched(7), autogrouping), the group has a nice level of its own, and each cell with a
    /// session of its own would get as much of the processors as the evaluator.
    private static func leaveFirstPlace() {
        setsid()
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, TemplatePriority.nice)
        // Not more than one such write in a tenth of a second is let through.
        for _ in 0..<5 {
            let file = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC)
            guard file >= 0 else { return }
            let text = "\(TemplatePriority.nice)"
            let written = write(file, text, text.utf8.count)
            let isBusy = written < 0 && errno == EAGAIN
            close(file)
            guard isBusy else { return }
            usleep(110_000)
        }
    }

    /// The OOM killer takes what has the most points: half of all memory, in thousandths, goes on top
    /// for templates and cells (proc_pid_oom_score_adj(5)). Raising it needs no right, and taking it back
    /// one that no template has. Where `/proc` lets nobody write it, all are alike, as before.
    private static func goBeforeTheEvaluator() {
        let path = "/proc/self/oom_score_adj"
        guard let now = try? readNumber(path), now < TemplatePriority.outOfMemory else { return }
        try? writeFile(path, "\(TemplatePriority.outOfMemory)")
    }

    /// A service manager may have set a hard limit below what a template needs: root raises it.
    private static func makeRoomForFiles() throws(SandboxError) {
        let limit = OpenFiles.hardLimit
        guard limit < OpenFiles.wanted else { return }
        if csb_set_rlimit(Int32(RLIMIT_NOFILE.rawValue), OpenFiles.wanted, OpenFiles.wanted) == 0 {
            return
        }
        guard limit >= OpenFiles.least else {
            throw SandboxError(
                "make room for a template's open files",
                detail:
                    "the hard limit of open files is \(limit), and a template needs \(OpenFiles.least) (it asks for \(OpenFiles.wanted)): raise it, with ulimit -Hn \(OpenFiles.wanted) or the service's LimitNOFILE="
            )
        }
    }

    private static func readNumber(_ path: String) throws -> Int? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw SandboxError("open \(path)", code: errno) }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = read(file, &bytes, bytes.count)
        guard count > 0 else { throw SandboxError("read \(path)", code: errno) }
        let digits = bytes[..<count].prefix { $0 != UInt8(ascii: "\n") }
        return Int(String(decoding: digits, as: UTF8.self))
    }
}

/// Open files of a template and its keepers. The fork server keeps its own from number 1000 on and moves
/// what it is sent to 2000 and above (`CELL_MOVED_FDS` in cell.h), so that a cell drops them at one stroke.
enum OpenFiles {
    static let wanted: UInt64 = 4096
    /// Of its own: up to some hundred handles of cells, and one request's descriptors above 2000.
    static let least: UInt64 = 2100

    /// Of this process, now.
    static var hardLimit: UInt64 {
        var limit = rlimit()
        // With these arguments it does not fail (getrlimit(2)).
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return UInt64(limit.rlim_max)
    }
}
