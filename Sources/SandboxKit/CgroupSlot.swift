import CWire
import Glibc

/// One slot's group: bounds what its cell uses, and tells what it used.
public final class CgroupSlot {
    /// What a cell needs to join, with `attachmentKind` of `cloister_wire.h`.
    let attachment: [Descriptor]
    let attachmentKind: UInt32
    private let memoryLimits: [Descriptor]
    private let usage: Descriptor?
    private let peak: Descriptor?
    private let events: Descriptor?
    private let peakResets: Bool
    private let tasksLimit: Descriptor?
    private let tasksNow: Descriptor?
    private var limitTasks = CgroupSlot.maximumTasks
    private var limitBytes = 0
    private var killsBefore = 0

    /// Most tasks (threads and processes) of one cell.
    public static let maximumTasks = 128
    /// Most tasks of all cells of one language together, where neither groups nor users tell them
    /// apart.
    public static let maximumSharedTasks = 1024

    init(v1 folders: [String: String]) throws(SandboxError) {
        var tasks: [Descriptor] = []
        for (_, folder) in folders.sorted(by: { $0.key < $1.key }) {
            guard mkdir(folder, 0o755) == 0 || errno == EEXIST else {
                throw SandboxError("make \(folder)", code: errno)
            }
            tasks.append(try Descriptor.open("\(folder)/tasks", O_WRONLY))
        }
        attachment = tasks
        attachmentKind = UInt32(CW_CGROUP_TASKS.rawValue)
        (tasksLimit, tasksNow) = try CgroupSlot.tasks(folders["pids"])
        if let memory = folders["memory"] {
            let limit = try Descriptor.open("\(memory)/memory.limit_in_bytes", O_RDWR)
            // Memory and swap together; only where the kernel accounts swap.
            let swap = try? Descriptor.open("\(memory)/memory.memsw.limit_in_bytes", O_RDWR)
            memoryLimits = [limit] + (swap.map { [$0] } ?? [])
            usage = try Descriptor.open("\(memory)/memory.usage_in_bytes", O_RDONLY)
            peak = try Descriptor.open("\(memory)/memory.max_usage_in_bytes", O_RDWR)
            events = try Descriptor.open("\(memory)/memory.oom_control", O_RDONLY)
        } else {
            (memoryLimits, usage, peak, events) = ([], nil, nil, nil)
        }
        peakResets = true
    }

    init(v2 folder: String, owner: uid_t?) throws(SandboxError) {
        guard mkdir(folder, 0o755) == 0 || errno == EEXIST else {
            throw SandboxError("make \(folder)", code: errno)
        }
        attachment = [try Descriptor.open(folder, O_RDONLY | O_DIRECTORY)]
        attachmentKind = UInt32(CW_CGROUP_DIRECTORY.rawValue)
        try CgroupFile.give("\(folder)/cgroup.procs", to: owner)
        (tasksLimit, tasksNow) = try CgroupSlot.tasks(folder)
        // Absent where the kernel has no swap.
        try? CgroupFile.write("\(folder)/memory.swap.max", "0")
        try CgroupFile.write("\(folder)/memory.oom.group", "1")
        memoryLimits = [try Descriptor.open("\(folder)/memory.max", O_RDWR)]
        usage = try Descriptor.open("\(folder)/memory.current", O_RDONLY)
        // Since Linux 5.19; writing to it starts it anew for this descriptor since 6.12.
        peak =
            (try? Descriptor.open("\(folder)/memory.peak", O_RDWR))
            ?? (try? Descriptor.open("\(folder)/memory.peak", O_RDONLY))
        peakResets = peak.map { Glibc.write($0.raw, "0", 1) == 1 } ?? false
        events = try Descriptor.open("\(folder)/memory.events", O_RDONLY)
    }

    /// Whether this slot bounds memory; without it only resource limits do.
    public var boundsMemory: Bool { !memoryLimits.isEmpty }

    /// Bounds the memory of the cell that is in the slot.
    public func limitMemory(bytes: Int) throws(SandboxError) {
        guard boundsMemory, bytes != limitBytes else { return }
        let text = "\(bytes)"
        // v1 wants memory ≤ memory and swap at all times: the second goes up first and down last.
        let order = bytes > limitBytes && limitBytes != 0 ? memoryLimits.reversed() : memoryLimits
        for file in order {
            guard pwrite(file.raw, text, text.utf8.count, 0) == text.utf8.count else {
                throw SandboxError("limit memory to \(bytes) bytes", code: errno)
            }
        }
        limitBytes = bytes
    }

    private static func tasks(_ folder: String?) throws(SandboxError) -> (Descriptor?, Descriptor?)
    {
        guard let folder else { return (nil, nil) }
        try CgroupFile.write("\(folder)/pids.max", "\(CgroupSlot.maximumTasks)")
        return (
            try Descriptor.open("\(folder)/pids.max", O_WRONLY),
            try Descriptor.open("\(folder)/pids.current", O_RDONLY)
        )
    }

    /// Lets those that are in the slot now have only so many tasks more; `nil` for as many as any cell.
    public func limitFurtherTasks(_ count: Int?) {
        guard let tasksLimit else { return }
        let wanted =
            count.map { $0 + (tasks() ?? 0) } ?? CgroupSlot.maximumTasks
        guard wanted != limitTasks else { return }
        let text = "\(wanted)"
        if pwrite(tasksLimit.raw, text, text.utf8.count, 0) == text.utf8.count {
            limitTasks = wanted
        }
    }

    /// Tasks that are in the slot now, where the kernel can tell.
    public func tasks() -> Int? { tasksNow.flatMap { number($0) } }

    /// Starts counting for a new cell.
    public func startAccount() {
        if let peak, peakResets { pwrite(peak.raw, "0", 1, 0) }
        killsBefore = kills()
    }

    /// The most memory in use since `startAccount`, where the kernel can tell.
    public func peakBytes() -> Int? {
        peakResets ? peak.flatMap { number($0) } : nil
    }

    /// Whether the kernel ended a process of the slot for want of memory since `startAccount`.
    public func ranOutOfMemory() -> Bool { kills() > killsBefore }

    /// Bytes in use now. A slot is fit for a new cell when what the last one used has gone.
    public func usedBytes() -> Int { usage.flatMap { number($0) } ?? 0 }

    private func kills() -> Int {
        guard let events, let text = text(events) else { return 0 }
        for line in text.split(separator: "\n") where line.hasPrefix("oom_kill ") {
            return Int(line.dropFirst("oom_kill ".count)) ?? 0
        }
        return 0
    }

    private func number(_ file: Descriptor) -> Int? {
        text(file).flatMap { Int($0.prefix { $0 != "\n" }) }
    }

    private func text(_ file: Descriptor) -> String? {
        withUnsafeTemporaryAllocation(byteCount: 512, alignment: 1) { space in
            let count = pread(file.raw, space.baseAddress, space.count, 0)
            return count > 0 ? String(decoding: space[..<count], as: UTF8.self) : nil
        }
    }
}
