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

    /// Finds what can be used and makes the folder. Never fails: `support` says what it got.
    public init(name: String = "cloister-\(getpid())") {
        let mounts = CgroupMounts.read()
        var made: [String] = []
        var reasons: [String] = []
        if let v2 = mounts.unified, let base = CgroupTree.v2Base(v2, name: name, reasons: &reasons)
        {
            support = .v2(base)
            folders = [base]
            return
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
        case .v2(let base): try CgroupSlot(v2: "\(base)/slot-\(index)")
        case .none: nil
        }
    }

    /// Removes the groups; the cells must be gone. Waits a little for the kernel to let go.
    public func remove() {
        for folder in folders {
            for _ in 0..<100 where !CgroupTree.removeTree(folder) { usleep(10_000) }
        }
    }

    private static func v2Base(_ v2: CgroupMounts.Unified, name: String, reasons: inout [String])
        -> String?
    {
        // Our own group where it was delegated to us, else the top where we may write there.
        for parent in v2.own == v2.mount ? [v2.own] : [v2.own, v2.mount] {
            guard
                let available = CgroupFile.read("\(parent)/cgroup.controllers")?.split(
                    separator: " "),
                available.contains("memory"), available.contains("pids")
            else {
                reasons.append("cgroup v2 at \(parent) has no memory and pids controllers")
                continue
            }
            removeLeftovers(below: parent)
            let folder = "\(parent)/\(name)"
            guard mkdir(folder, 0o755) == 0 else {
                reasons.append("cannot make \(folder): \(errorText(errno))")
                continue
            }
            let enabled =
                CgroupFile.read("\(parent)/cgroup.subtree_control")?.split(separator: " ") ?? []
            do {
                if !enabled.contains("memory") || !enabled.contains("pids") {
                    if parent != v2.mount { try moveSelf(below: parent, name: name) }
                    try CgroupFile.write("\(parent)/cgroup.subtree_control", "+memory +pids")
                }
                try CgroupFile.write("\(folder)/cgroup.subtree_control", "+memory +pids")
                return folder
            } catch {
                reasons.append("\(error)")
                rmdir(folder)
            }
        }
        return nil
    }

    /// A group with processes in it cannot have controllers for its children.
    private static func moveSelf(below parent: String, name: String) throws(SandboxError) {
        let leaf = "\(parent)/\(name)-evaluator"
        mkdir(leaf, 0o755)
        try CgroupFile.write("\(leaf)/cgroup.procs", "0")
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
        for entry in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        where entry.hasPrefix("slot-") {
            rmdir("\(folder)/\(entry)")
        }
        return rmdir(folder) == 0 || errno == ENOENT
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
}
