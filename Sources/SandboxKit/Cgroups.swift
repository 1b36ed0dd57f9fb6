import CWire
import Foundation
import Glibc

/// Where this machine lets us bound a cell's memory and processes, and how.
public enum CgroupSupport: Sendable, Equatable {
    /// Paths of folders of our own to make groups in, a controller (`memory`, `pids`) each.
    case v1([String: String])
    /// One folder, whose children get the memory and pids controllers.
    case v2(String)
    /// Neither can be written; the reason in words.
    case none(String)
}

/// Our own groups, below one folder that is removed at the end. Owned by one supervisor.
public final class CgroupTree {
    public let support: CgroupSupport
    private let folders: [String]
    private let owner: uid_t?
    /// v2: the group that this process came from, and whether its children got their controllers
    /// from us.
    private var home: (group: String, opened: Bool)?

    /// The host's id of the templates' root, where the evaluator is root.
    public static let templateOwner: uid_t = World.IDRange.cells.first

    /// Finds what can be used and makes the folder. Never fails: `support` says what it got.
    /// - Parameter owner: who forks cells into the groups, where that is another user.
    public init(
        name: String = "cloister-\(getpid())", owner: uid_t? = geteuid() == 0 ? templateOwner : nil
    ) {
        self.owner = owner
        let mounts = CgroupMounts.read()
        var made: [String] = []
        var reasons: [String] = []
        if let v2 = mounts.unified {
            // Our own group where it was delegated to us, else the top where we may write there.
            for parent in v2.own == v2.mount ? [v2.own] : [v2.own, v2.mount] {
                let folder = "\(parent)/\(name)"
                do {
                    let opened = try CgroupTree.enterV2(parent, folder, owner: owner)
                    home = (v2.own, opened && parent == v2.own)
                    support = .v2(folder)
                    folders = [folder]
                    return
                } catch {
                    reasons.append("\(error)")
                    try? CgroupFile.write("\(v2.own)/cgroup.procs", "0")
                    _ = CgroupTree.removeTree(folder)
                }
            }
        }
        var controllers: [String: String] = [:]
        for controller in ["memory", "pids"] {
            guard let own = mounts.v1[controller] else {
                reasons.append("no cgroup v1 \(controller) controller")
                continue
            }
            CgroupTree.removeLeftovers(below: own)
            let folder = "\(own)/\(name)"
            guard mkdir(folder, 0o755) == 0 else {
                reasons.append("cannot make \(folder): \(errorText(errno))")
                continue
            }
            made.append(folder)
            controllers[controller] = folder
        }
        folders = made
        if let memory = controllers["memory"] {
            // Limits of a parent count for its children.
            try? CgroupFile.write("\(memory)/memory.use_hierarchy", "1")
        }
        support = controllers.isEmpty ? .none(reasons.joined(separator: "; ")) : .v1(controllers)
    }

    /// A group for one slot.
    public func makeSlot(_ index: Int) throws(SandboxError) -> CgroupSlot? {
        switch support {
        case .v1(let controllers):
            try CgroupSlot(v1: controllers.mapValues { "\($0)/slot-\(index)" })
        case .v2(let base): try CgroupSlot(v2: "\(base)/slot-\(index)", owner: owner)
        case .none: nil
        }
    }

    /// Removes the groups; the cells must be gone. Waits a little for the kernel to let go.
    public func remove() {
        for folder in folders { CgroupTree.removeSlots(folder) }
        leaveV2()
        for folder in folders {
            for _ in 0..<100 where !CgroupTree.removeTree(folder) { usleep(10_000) }
        }
    }

    /// Makes our folder and moves this process into it, so that all that forks and is forked lives
    /// below one group whose `cgroup.procs` the template may write: that is what the kernel asks
    /// of it when it forks into a slot. It also leaves the parent free to have controllers.
    /// - Returns: whether the parent's children had no controllers before.
    private static func enterV2(_ parent: String, _ folder: String, owner: uid_t?)
        throws(SandboxError) -> Bool
    {
        let available = CgroupFile.read("\(parent)/cgroup.controllers")?.split {
            $0.isWhitespace
        }
        guard let available, available.contains("memory"), available.contains("pids") else {
            throw SandboxError(
                "use cgroup v2 at \(parent)", detail: "it has no memory and pids controllers")
        }
        removeLeftovers(below: parent)
        for path in [folder, "\(folder)/evaluator"] {
            guard mkdir(path, 0o755) == 0 else { throw SandboxError("make \(path)", code: errno) }
        }
        try CgroupFile.write("\(folder)/evaluator/cgroup.procs", "0")
        let enabled = CgroupFile.read("\(parent)/cgroup.subtree_control")?.split { $0.isWhitespace }
        let isOpen = enabled?.contains("memory") == true && enabled?.contains("pids") == true
        if !isOpen { try CgroupFile.write("\(parent)/cgroup.subtree_control", "+memory +pids") }
        try CgroupFile.write("\(folder)/cgroup.subtree_control", "+memory +pids")
        try CgroupFile.give("\(folder)/cgroup.procs", to: owner)
        return !isOpen
    }

    /// Takes this process back to where it came from; our folder could not go otherwise.
    private func leaveV2() {
        guard let home, let folder = folders.first else { return }
        try? CgroupFile.write("\(folder)/cgroup.subtree_control", "-memory -pids")
        // A group with controllers for its children can have no processes.
        if home.opened {
            try? CgroupFile.write("\(home.group)/cgroup.subtree_control", "-memory -pids")
        }
        try? CgroupFile.write("\(home.group)/cgroup.procs", "0")
    }

    /// Takes away what an evaluator that was killed left behind.
    private static func removeLeftovers(below parent: String) {
        for entry in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
        where entry.hasPrefix("cloister-") {
            let number = entry.dropFirst("cloister-".count).prefix { $0.isNumber }
            guard let pid = pid_t(number), pid != getpid(), Glibc.kill(pid, 0) != 0, errno == ESRCH
            else { continue }
            _ = removeTree("\(parent)/\(entry)")
        }
    }

    private static func removeTree(_ folder: String) -> Bool {
        removeSlots(folder)
        rmdir("\(folder)/evaluator")
        return rmdir(folder) == 0 || errno == ENOENT
    }

    private static func removeSlots(_ folder: String) {
        for entry in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        where entry.hasPrefix("slot-") {
            rmdir("\(folder)/\(entry)")
        }
    }
}

/// The mounts that matter to us, and our own place in them.
struct CgroupMounts {
    struct Unified {
        var mount: String
        var own: String
    }
    var v1: [String: String] = [:]
    var unified: Unified?

    static func read() -> CgroupMounts {
        parse(
            mountinfo: CgroupFile.read("/proc/self/mountinfo") ?? "",
            cgroup: CgroupFile.read("/proc/self/cgroup") ?? "")
    }

    /// - Parameters: the texts of /proc/self/mountinfo and /proc/self/cgroup (proc(5), cgroups(7)).
    static func parse(mountinfo: String, cgroup: String) -> CgroupMounts {
        var own: [String: String] = [:]
        for line in cgroup.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            for controller in parts[1].split(separator: ",") {
                own[String(controller)] = String(parts[2])
            }
            if parts[1].isEmpty { own[""] = String(parts[2]) }
        }
        var result = CgroupMounts()
        for line in mountinfo.split(separator: "\n") {
            let halves = line.components(separatedBy: " - ")
            let fields = halves[0].split(separator: " ")
            guard halves.count == 2, fields.count >= 5 else { continue }
            let (root, mount) = (String(fields[3]), String(fields[4]))
            let kind = halves[1].split(separator: " ")
            func place(_ path: String) -> String {
                // A container sees its own part of the tree as the mount's root.
                let relative =
                    root != "/" && path.hasPrefix(root) ? String(path.dropFirst(root.count)) : path
                return relative == "/" || relative.isEmpty ? mount : mount + relative
            }
            if kind.first == "cgroup2" {
                result.unified = Unified(mount: mount, own: place(own[""] ?? "/"))
            } else if kind.first == "cgroup", let options = kind.last {
                for controller in ["memory", "pids"]
                where options.split(separator: ",").contains(Substring(controller)) {
                    result.v1[controller] = place(own[controller] ?? "/")
                }
            }
        }
        return result
    }
}

enum CgroupFile {
    static func read(_ path: String) -> String? {
        (FileManager.default.contents(atPath: path)).map { String(decoding: $0, as: UTF8.self) }
    }

    static func write(_ path: String, _ text: String) throws(SandboxError) {
        let file = try Descriptor.open(path, O_WRONLY)
        guard Glibc.write(file.raw, text, text.utf8.count) == text.utf8.count else {
            throw SandboxError("write \(text) to \(path)", code: errno)
        }
    }

    static func give(_ path: String, to owner: uid_t?) throws(SandboxError) {
        guard let owner else { return }
        guard chown(path, owner, gid_t.max) == 0 else {
            throw SandboxError("give away \(path)", code: errno)
        }
    }
}
