import CSandbox
import CWire
import Foundation
import Glibc

/// The supervisor's ends of one forked process.
public final class Cell {
    public let number: UInt32
    /// Byte stream in both directions: the call one way, frames the other.
    public let call: Descriptor
    public let standardOutput: Descriptor
    public let standardError: Descriptor
    private let status: Descriptor
    /// Set when the template has said that it has forked it, which can be after the cell's own first words.
    public var process: Descriptor? { didSet { if isDoomed { kill() } } }
    /// It was to be killed before its process was known.
    private var isDoomed = false

    init(
        number: UInt32, call: Descriptor, standardOutput: Descriptor, standardError: Descriptor,
        status: Descriptor
    ) {
        self.number = number
        self.call = call
        self.standardOutput = standardOutput
        self.standardError = standardError
        self.status = status
    }

    /// Ends the cell and everything in it: it is the first process of its PID namespace.
    public func kill() {
        guard let process else { return isDoomed = true }
        csb_pidfd_kill(process.raw, SIGKILL)
    }

    /// Stops all of it where it stands, until `thaw`.
    public func freeze() {
        if let process { csb_pidfd_kill(process.raw, SIGSTOP) }
    }

    public func thaw() {
        if let process { csb_pidfd_kill(process.raw, SIGCONT) }
    }

    /// Has it run for as long at a time as other processes: a cell parks with the wish for short times,
    /// which its threads have from the one that starts them.
    /// Without effect where the evaluator may not change the process (sched_setattr(2)).
    public func useCommonSlices() {
        guard let pid else { return }
        let threads = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")
        for thread in (threads ?? []).compactMap({ pid_t($0) }) {
            _ = csb_use_common_slice(thread)
        }
    }

    /// Its process id in this process's namespace; `nil` once it has been reaped (pidfd_open(2): then
    /// it is -1).
    public var pid: pid_t? {
        process.flatMap { CgroupFile.read("/proc/self/fdinfo/\($0.raw)") }.flatMap(
            Cell.pid(inFdinfo:))
    }

    static func pid(inFdinfo text: String) -> pid_t? {
        // 0 would be the evaluator itself.
        field("Pid:", in: text).flatMap { $0 > 0 ? pid_t($0) : nil }
    }

    /// The clock that counts the CPU time of its process, for `clock_gettime`.
    public func cpuClock() -> clockid_t? {
        var clock = clockid_t()
        return pid.flatMap { clock_getcpuclockid($0, &clock) == 0 ? clock : nil }
    }

    /// The sizes that resource limits count from, now.
    public func footprint() -> CellFootprint? {
        guard let pid, let status = CgroupFile.read("/proc/\(pid)/status"),
            let data = Self.field("VmData:", in: status),
            let space = Self.field("VmSize:", in: status)
        else { return nil }
        return CellFootprint(dataBytes: data * 1024, addressSpaceBytes: space * 1024)
    }

    private static func field(_ name: String, in text: String) -> Int? {
        for line in text.split(separator: "\n") where line.hasPrefix(name) {
            return line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap
            { Int($0) }
        }
        return nil
    }

    /// What the cell wrote of itself. Its own word: it may explain a verdict, not make one.
    public func selfReport() -> CellSelfReport {
        var page = cw_status()
        let size = MemoryLayout<cw_status>.size
        let count = pread(status.raw, &page, size, 0)
        return CellSelfReport(count == size ? page : cw_status())
    }
}

/// Sizes of a process as proc(5) has them.
public struct CellFootprint: Sendable, Equatable {
    /// VmData: what RLIMIT_DATA counts.
    public var dataBytes: Int
    /// VmSize: what RLIMIT_AS counts.
    public var addressSpaceBytes: Int
}

/// The contents of a cell's status page.
public struct CellSelfReport: Sendable, Equatable {
    /// CLOCK_MONOTONIC nanoseconds; 0 when it did not come so far.
    public var confinedNs: UInt64
    public var loadedNs: UInt64
    /// The step of its confinement that failed, with the kernel's reason.
    public var setupFailure: String?
    /// How often the runtime itself was refused memory.
    public var refusedMemory: Int
    /// It called abort(), by itself or its runtime.
    public var aborted: Bool
    /// The first system call that was denied, in words.
    public var denial: String?
    /// What it printed last and did not send, as its line went on; to stream 1 or 2.
    public var heldText: [UInt8]
    public var heldStream: Int

    init(_ page: cw_status) {
        confinedNs = page.confined_ns
        loadedNs = page.loaded_ns
        refusedMemory = Int(page.out_of_memory)
        aborted = page.aborted != 0
        heldStream = Int(page.held_stream)
        heldText = withUnsafeBytes(of: page.held_text) {
            Array($0.prefix(Int(page.held_bytes)))
        }
        if page.failed_stage != 0 {
            setupFailure =
                "\(Self.stages[page.failed_stage] ?? "set-up step \(page.failed_stage)"): \(errorText(page.failed_errno))"
        }
        if page.denials > 0 {
            let arguments = withUnsafeBytes(of: page.denied_args) {
                Array($0.bindMemory(to: UInt64.self))
            }
            let text = withUnsafeBytes(of: page.denied_text) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            denial = describeDenial(number: Int(page.denied_nr), arguments: arguments, text: text)
        }
    }

    private static let stages: [UInt32: String] = [
        UInt32(CW_STAGE_CGROUP.rawValue): "joining its cgroup",
        UInt32(CW_STAGE_TMP.rawValue): "mounting /tmp",
        UInt32(CW_STAGE_BUNDLE.rawValue): "binding the bundle",
        UInt32(CW_STAGE_TMP_SIZE.rawValue): "sizing /tmp",
        UInt32(CW_STAGE_RLIMIT.rawValue): "setting resource limits",
        UInt32(CW_STAGE_GROUPS.rawValue): "changing its group",
        UInt32(CW_STAGE_UID.rawValue): "changing its user",
        UInt32(CW_STAGE_CAPABILITIES.rawValue): "dropping capabilities",
        UInt32(CW_STAGE_LANDLOCK.rawValue): "entering Landlock",
        UInt32(CW_STAGE_SECCOMP.rawValue): "loading the seccomp filter",
        UInt32(CW_STAGE_PROTOCOL.rawValue): "reading the call",
        UInt32(CW_STAGE_SESSION.rawValue): "starting a session",
    ]
}
