import CWire
import Glibc

/// How a process ended.
public enum ExitStatus: Sendable, Equatable, CustomStringConvertible {
    case exited(Int)
    case signalled(Int32)

    /// - Parameter waitStatus: as `wait(2)` gives it.
    public init(waitStatus: Int32) {
        let signal = waitStatus & 0x7f
        self = signal == 0 ? .exited(Int((waitStatus >> 8) & 0xff)) : .signalled(signal)
    }

    public var description: String {
        switch self {
        case .exited(let code): "it exited with code \(code)"
        case .signalled(let signal): "it was ended by \(signalName(signal))"
        }
    }
}

/// The kernel's account of an ended cell.
public struct ExitRecord: Sendable, Equatable {
    public var status: ExitStatus
    /// CPU time, user and system together.
    public var cpuMs: Double
    /// Largest resident set, pages shared with the template included.
    public var peakResidentBytes: Int

    public init(status: ExitStatus, cpuMs: Double, peakResidentBytes: Int) {
        self.status = status
        self.cpuMs = cpuMs
        self.peakResidentBytes = peakResidentBytes
    }

    init(_ message: cw_exited) {
        status = ExitStatus(waitStatus: message.status)
        cpuMs = Double(message.user_us + message.system_us) / 1000
        peakResidentBytes = Int(clamping: message.max_rss_kb) * 1024
    }
}

/// A signal's name: `SIGSEGV`.
public func signalName(_ signal: Int32) -> String {
    let names: [Int32: String] = [
        SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGILL: "SIGILL",
        SIGTRAP: "SIGTRAP",
        SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL",
        SIGUSR1: "SIGUSR1",
        SIGSEGV: "SIGSEGV", SIGUSR2: "SIGUSR2", SIGPIPE: "SIGPIPE", SIGALRM: "SIGALRM",
        SIGTERM: "SIGTERM",
        SIGSTKFLT: "SIGSTKFLT", SIGXCPU: "SIGXCPU", SIGXFSZ: "SIGXFSZ", SIGVTALRM: "SIGVTALRM",
        SIGPROF: "SIGPROF", SIGPOLL: "SIGPOLL", SIGPWR: "SIGPWR", SIGSYS: "SIGSYS",
    ]
    return names[signal] ?? "signal \(signal)"
}
