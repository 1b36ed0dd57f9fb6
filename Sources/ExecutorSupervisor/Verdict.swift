import CWire
import Glibc
import SandboxKit

/// What became of a call whose cell ended without an answer: the kernel's word first.
enum Verdict {
    struct Evidence {
        var exit: ExitRecord
        /// The kernel ended a process of the cell's cgroup for want of memory.
        var outOfMemory: Bool
        /// The most memory that the cell used; `nil` where nothing has counted all of it.
        var peakMemoryBytes: Int?
        var selfReport: CellSelfReport
        var limits: CallLimits
        /// CPU seconds allowed.
        var cpuSeconds: Int
        /// What its language says of processes that end by themselves.
        var endsEarly: String?
    }

    static func failure(_ evidence: Evidence) -> CallFailure {
        let (exit, limits, own) = (evidence.exit, evidence.limits, evidence.selfReport)
        let blocked = own.denial.map { " (blocked: \($0))" } ?? ""
        if evidence.outOfMemory {
            return CallFailure(
                cause: .outOfMemory, message: memoryMessage(limits, evidence.peakMemoryBytes))
        }
        if let failure = own.setupFailure, exit.status == .exited(Int(CW_EXIT_SETUP)) {
            return CallFailure(
                cause: .crashed, message: "the cell could not be set up for the call: \(failure)")
        }
        // abort() in the first process of a PID namespace: see trap.c.
        let status: ExitStatus =
            own.aborted && exit.status == .exited(Int(CW_EXIT_ABORT))
            ? .signalled(SIGABRT) : exit.status
        switch status {
        case .signalled(let signal):
            // The kernel keeps this limit by clock ticks, which can be ahead of the exact account;
            // and nobody but the kernel sends SIGKILL to a cell that the supervisor has not ended.
            let overCPU = exit.cpuMs >= Double(evidence.cpuSeconds) * 900
            if signal == SIGXCPU || (signal == SIGKILL && overCPU) {
                return cpuLimit(seconds: evidence.cpuSeconds, usedMs: exit.cpuMs)
            }
            if own.refusedMemory > 0, [SIGABRT, SIGTRAP, SIGILL, SIGSEGV].contains(signal) {
                return CallFailure(
                    cause: .outOfMemory, message: memoryMessage(limits, evidence.peakMemoryBytes))
            }
            let name = signalName(signal)
            let why = explanations[signal].map { ": \($0)" } ?? ""
            return CallFailure(
                cause: .crashed, message: "the process was ended by \(name)\(why)\(blocked)",
                signal: name)
        case .exited(let code):
            let hint = code == 0 ? evidence.endsEarly.map { ": \($0)" } ?? "" : ""
            return CallFailure(
                cause: .exited,
                message:
                    "the process exited with code \(code) before the handler gave a result\(hint)\(blocked)",
                exitCode: code)
        }
    }

    /// - Parameter peakBytes: `nil` where it is not known before the cell has gone.
    static func memoryMessage(_ limits: CallLimits, _ peakBytes: Int?) -> String {
        let used = peakBytes.map { (Double($0) / Double(1 << 20) * 10).rounded() / 10 }
        // What is refused never comes into use.
        let wasRefused = used.map { $0 * 2 < Double(limits.memoryMB) } ?? false
        return "the call needed more than its \(limits.memoryMB) MB of memory"
            + (used.map {
                " (\($0) MB were in use\(wasRefused ? " when it asked for more than the rest" : ""))"
            } ?? "")
    }

    static func timeout(_ limits: CallLimits, loading: Bool) -> CallFailure {
        CallFailure(
            cause: .wallTimeout,
            message: loading
                ? "the code was still loading after \(limits.timeoutMs) ms, the function's time limit"
                : "the handler did not finish within \(limits.timeoutMs) ms, the function's time limit"
        )
    }

    static func cpuLimit(seconds: Int, usedMs: Double) -> CallFailure {
        CallFailure(
            cause: .cpuLimit,
            message:
                "the call used its \(seconds) s of CPU time (\(Int(usedMs)) ms were used)")
    }

    /// Says of a call that ran out of time whether it computed or waited.
    static func adding(cpuMs: Double, to failure: CallFailure) -> CallFailure {
        guard failure.cause == .wallTimeout else { return failure }
        var failure = failure
        failure.message += " (it used \(Int(cpuMs)) ms of CPU time)"
        return failure
    }

    private static let explanations: [Int32: String] = [
        SIGSEGV: "it touched memory that is not its own",
        SIGBUS: "it touched memory that has nothing behind it",
        SIGABRT: "it gave up by itself",
        SIGILL: "it ran an instruction that does not exist, or its runtime gave up",
        SIGTRAP: "its runtime gave up",
        SIGFPE: "an arithmetic error",
        SIGSYS: "it made a system call of another architecture",
        SIGXFSZ: "it wrote a file that is too large",
    ]
}
