import CSandbox
import CWire
import Glibc

/// A template process and the socket that controls it. Not thread-safe: its owner has one lock.
public final class Template {
    /// What the control socket said.
    public enum Message {
        /// The process exists and is building its world.
        case launched
        /// It could not build its world or start its program.
        case failed(String)
        /// Warmed up and ready to fork; the interpreter's version.
        case ready(String)
        /// A cell was forked.
        case spawned(cell: UInt32, Descriptor)
        case spawnFailed(cell: UInt32, code: Int32)
        /// A cell has ended: the kernel's word.
        case exited(cell: UInt32, ExitRecord)
        /// A keeper's snapshot has ended.
        case lost(ExitRecord)
        /// A keeper found something wrong with its snapshot, and ends.
        case refused(String)
        /// The template is gone, and every cell with it.
        case closed
    }

    public let control: Descriptor
    /// What the launcher and the interpreter themselves print, which is trouble; `nil` for a keeper.
    public let output: Descriptor?
    private var launcher: Descriptor?
    private var process: Descriptor?

    /// Starts the launcher, which will become the template.
    /// - Parameters:
    ///   - filter: the seccomp program that the template takes on.
    ///   - closing: the one that a cell takes on besides, as its last step.
    public init(
        _ world: [UInt8], filter: [UInt8], closing: [UInt8], launcher path: String
    ) throws(SandboxError) {
        let (mine, theirs) = try Descriptor.socketPair(type: Int32(SOCK_SEQPACKET.rawValue))
        let pipe = try Descriptor.pipe()
        let null = try Descriptor.open("/dev/null", O_RDWR)
        let filterFile = try Descriptor.memory(named: "filter", holding: filter)
        let closingFile = try Descriptor.memory(named: "closing", holding: closing)
        let worldFile = try Descriptor.memory(named: "world", holding: world)
        let handed = [null, pipe.writing, pipe.writing, theirs, filterFile, closingFile, worldFile]
        var pid: pid_t = 0
        var argv = [strdup("cloister-launcher"), nil]
        defer { free(argv[0]) }
        var envp: [UnsafeMutablePointer<CChar>?] = [nil]
        let started = withExtendedLifetime(handed) {
            csb_spawn(path, &argv, &envp, handed.map(\.raw), Int32(handed.count), &pid)
        }
        try check(started, "start the launcher \(path)")
        launcher = Descriptor(owning: try check(csb_pidfd_open(pid), "watch the launcher"))
        try mine.setNonBlocking()
        try pipe.reading.setNonBlocking()
        control = mine
        output = pipe.reading
    }

    /// Makes a parked cell a keeper: it loads a function into a process of its own, a snapshot, and
    /// from then on is a template whose cells are forks of that. It ends with `cell`.
    /// - Parameters:
    ///   - header: `CellOrder.keeperHeader`; the function's description follows it on the call socket.
    ///   - filter: the seccomp program for the snapshot and its forks.
    public init(keeper cell: Cell, header: [UInt8], filter: [UInt8]) throws(SandboxError) {
        let (mine, theirs) = try Descriptor.socketPair(type: Int32(SOCK_SEQPACKET.rawValue))
        let filterFile = try Descriptor.memory(named: "filter", holding: filter)
        let handed = [theirs, filterFile]
        let sent = withExtendedLifetime(handed) {
            csb_send_with_fds(
                cell.call.raw, header, header.count, handed.map(\.raw), Int32(handed.count))
        }
        try check(sent, "make a cell a keeper")
        try mine.setNonBlocking()
        control = mine
        output = nil
    }

    /// Asks for a cell. The answer comes as `.spawned` or `.spawnFailed`.
    /// - Parameters:
    ///   - uid: the cell's user and group id in the world; 0 leaves it the only one there is.
    ///   - hurries: a call waits for it, so that it does not rehearse one first.
    public func requestCell(
        _ number: UInt32, uid: UInt32, slot: CgroupSlot?, hurries: Bool = false
    ) throws(SandboxError) -> Cell {
        let (call, theirCall) = try Descriptor.socketPair(type: Int32(SOCK_STREAM.rawValue))
        let out = try Descriptor.pipe()
        let err = try Descriptor.pipe()
        let status = try Descriptor.memory(
            named: "status", size: Int(CW_STATUS_BYTES), fixedSize: true)
        for end in [call, out.reading, err.reading] { try end.setNonBlocking() }
        let groups = slot?.attachment ?? []
        var request = cw_spawn(
            type: UInt32(CW_SPAWN.rawValue), cell: number, uid: uid, gid: uid,
            cgroup: groups.isEmpty ? UInt32(CW_CGROUP_NONE.rawValue) : slot?.attachmentKind ?? 0,
            cgroup_fds: UInt32(groups.count), hurries: hurries ? 1 : 0)
        let handed = [theirCall, out.writing, err.writing, status] + groups
        let sent = withExtendedLifetime(handed) {
            csb_send_with_fds(
                control.raw, &request, MemoryLayout<cw_spawn>.size, handed.map(\.raw),
                Int32(handed.count))
        }
        try check(sent, "ask the template for a cell")
        return Cell(
            number: number, call: call, standardOutput: out.reading, standardError: err.reading,
            status: status)
    }

    /// The next message, or `nil` when there is none now.
    public func receive() -> Message? {
        var packet = [UInt8](repeating: 0, count: 4096)
        var fd: Int32 = -1
        let count = csb_receive_with_fd(control.raw, &packet, packet.count, &fd)
        let descriptor = fd >= 0 ? Descriptor(owning: fd) : nil
        if count == -Int(EAGAIN) || count == -Int(EINTR) { return nil }
        guard count >= 4 else { return .closed }
        return packet.withUnsafeBytes { bytes in
            let type = bytes.loadUnaligned(as: UInt32.self)
            let text = String(decoding: bytes[4..<count], as: UTF8.self)
            switch type {
            case LauncherMessage.launched:
                process = descriptor
                return .launched
            case LauncherMessage.failed:
                return .failed(text)
            case UInt32(CW_READY.rawValue):
                reapLauncher()
                return .ready(text)
            case UInt32(CW_SPAWNED.rawValue) where count >= MemoryLayout<cw_spawned>.size:
                let answer = bytes.loadUnaligned(as: cw_spawned.self)
                guard let descriptor else {
                    return .spawnFailed(cell: answer.cell, code: answer.error)
                }
                return .spawned(cell: answer.cell, descriptor)
            case UInt32(CW_EXITED.rawValue) where count >= MemoryLayout<cw_exited>.size:
                let answer = bytes.loadUnaligned(as: cw_exited.self)
                return .exited(cell: answer.cell, ExitRecord(answer))
            case UInt32(CW_LOST.rawValue) where count >= MemoryLayout<cw_exited>.size:
                return .lost(ExitRecord(bytes.loadUnaligned(as: cw_exited.self)))
            case UInt32(CW_REFUSED.rawValue):
                return .refused(text)
            default:
                return .closed
            }
        }
    }

    /// Ends the template and all its cells, and waits until the kernel has.
    /// - Returns: how the template ended, in words.
    @discardableResult
    public func end() -> String {
        var status: Int32 = 0
        reapLauncher()
        guard let process else { return "it was never started" }
        // Gone by itself or not: SIGKILL to what is dead changes nothing, and its status stays.
        csb_pidfd_kill(process.raw, SIGKILL)
        guard csb_reap(process.raw, &status) == 0 else { return "it is gone" }
        self.process = nil
        return ExitStatus(waitStatus: status).description
    }

    /// The launcher ends once the template exists; one that has not is of no use any more.
    private func reapLauncher() {
        guard let launcher else { return }
        var status: Int32 = 0
        csb_pidfd_kill(launcher.raw, SIGKILL)
        csb_reap(launcher.raw, &status)
        self.launcher = nil
    }
}
