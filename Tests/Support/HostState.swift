import Foundation

/// What an evaluator has taken of the machine: processes, descriptors, groups and mounts.
public struct HostState: Equatable, Sendable, CustomStringConvertible {
    public var descriptors: Int
    public var cells: Int
    public var groups: Int
    public var mounts: Int
    public var temporaryFiles: Int

    public var description: String {
        "\(descriptors) descriptors, \(cells) templates and cells, \(groups) cgroups, \(mounts) mounts, \(temporaryFiles) temporary files"
    }

    public static func of(_ evaluator: TestEvaluator) -> HostState {
        HostState(
            descriptors: count("/proc/\(evaluator.pid)/fd"),
            cells: executors(of: evaluator.pid).count,
            groups: groups(of: evaluator.pid),
            mounts: (try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8))?.split(
                separator: "\n"
            ).count ?? 0,
            temporaryFiles: (try? FileManager.default.contentsOfDirectory(atPath: "/tmp"))?.filter {
                !$0.hasPrefix("cloister-test-")
            }.count ?? 0)
    }

    /// Processes below the evaluator: its templates, and their cells.
    public static func executors(of evaluator: pid_t) -> [pid_t] {
        let templates = children(of: evaluator)
        return templates + templates.flatMap { children(of: $0) }
    }

    /// Whether a process runs. One that has ended and that nobody has waited for does not.
    public static func isRunning(_ pid: pid_t) -> Bool {
        let status = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
        return status.contains("\nState:") && !status.contains("\nState:\tZ")
    }

    public static func children(of pid: pid_t) -> [pid_t] {
        let tasks =
            (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? []
        return tasks.flatMap { task in
            ((try? String(contentsOfFile: "/proc/\(pid)/task/\(task)/children", encoding: .utf8))
                ?? "")
                .split(separator: " ").compactMap { pid_t($0) }
        }
    }

    public static func commandLine(_ pid: pid_t) -> String {
        ((try? String(contentsOfFile: "/proc/\(pid)/cmdline", encoding: .utf8)) ?? "")
            .replacingOccurrences(of: "\0", with: " ")
    }

    public static func groups(of evaluator: pid_t) -> Int {
        var found = 0
        let name = "cloister-\(evaluator)"
        let tree = FileManager.default.enumerator(atPath: "/sys/fs/cgroup")
        while let path = tree?.nextObject() as? String {
            if path.contains(name),
                path.split(separator: "/").last.map({ $0 == name || $0.hasPrefix("slot-") }) == true
            {
                found += 1
            }
        }
        return found
    }

    private static func count(_ folder: String) -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: folder))?.count ?? 0
    }
}
