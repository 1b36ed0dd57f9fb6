import CSandbox
import Glibc

/// One protection that cells have, how this machine enforces it, and what to do to get it.
public struct Protection: Sendable, Equatable, Encodable {
    public enum Status: String, Sendable, Encodable {
        case enforced
        /// Enforced by something weaker than the design asks for.
        case partial
        case missing
    }

    public var name: String
    public var status: Status
    /// What enforces it, or why nothing does.
    public var how: String
    /// How to get what is not enforced.
    public var advice: String?

    public init(_ name: String, _ status: Status, _ how: String, advice: String? = nil) {
        self.name = name
        self.status = status
        self.how = how
        self.advice = advice
    }

    /// What cells have on this machine, for a supervisor that runs as this process's user.
    ///
    /// Mounts, seccomp, dropped capabilities and all namespaces but the user's are not in doubt:
    /// where one of them cannot be had, no cell starts, and the template's state says why.
    public static func all(cgroups: CgroupSupport, hasUserNamespaces: Bool) -> [Protection] {
        let isRoot = geteuid() == 0
        return [
            hasUserNamespaces
                ? Protection(
                    "namespaces", .enforced,
                    "user, mount, network, UTS and PID for each template; mount, PID and IPC for each cell"
                )
                : Protection(
                    "namespaces", .partial,
                    "no user namespaces, as allowed by userNamespaces: a template's root is the host's; mount, network, UTS, PID and IPC as everywhere",
                    advice: UserNamespaces.advice),
            Protection(
                "files", .enforced, "a root of read-only binds, and a private /tmp for each cell"),
            Protection(
                "system calls", .enforced,
                "seccomp allowlist; foreign architectures end the process"),
            Protection(
                "privileges", .enforced,
                "no capabilities, no_new_privs, no user namespaces of its own"),
            isRoot
                ? Protection(
                    "a user of its own", .enforced,
                    "each slot has its own user id, from a private range")
                : Protection(
                    "a user of its own", .partial,
                    "all cells have the id of the user who runs the evaluator",
                    advice:
                        "run the evaluator as root: its cells then get ids that nothing else on the machine has"
                ),
            memory(cgroups), tasks(cgroups, isRoot: isRoot),
            Protection(
                "CPU time, files, descriptors", .enforced,
                "wall time by the supervisor, the rest by resource limits"),
            landlock(),
        ]
    }

    private static let cgroupAdvice =
        "run the evaluator where it may make control groups: as root, or as a systemd service with Delegate=yes"

    private static func memory(_ cgroups: CgroupSupport) -> Protection {
        let name = "memory"
        switch cgroups {
        case .v1(let controllers) where controllers["memory"] != nil:
            return Protection(
                name, .enforced, "cgroup v1 for all of a cell, RLIMIT_DATA for each process")
        case .v2:
            return Protection(
                name, .enforced, "cgroup v2 for all of a cell, RLIMIT_DATA for each process")
        case .v1, .none:
            return Protection(
                name, .partial,
                "RLIMIT_DATA and RLIMIT_AS for each process, which does not count /tmp; \(reason(cgroups))",
                advice: cgroupAdvice)
        }
    }

    private static func tasks(_ cgroups: CgroupSupport, isRoot: Bool) -> Protection {
        let name = "threads"
        switch cgroups {
        case .v1(let controllers) where controllers["pids"] != nil:
            return Protection(
                name, .enforced, "cgroup v1: at most \(CgroupSlot.maximumTasks) in a cell")
        case .v2:
            return Protection(
                name, .enforced, "cgroup v2: at most \(CgroupSlot.maximumTasks) in a cell")
        case .v1, .none:
            return isRoot
                ? Protection(
                    name, .enforced,
                    "RLIMIT_NPROC of the slot's user: at most \(CgroupSlot.maximumTasks)")
                : Protection(
                    name, .partial,
                    "RLIMIT_NPROC: at most \(CgroupSlot.maximumSharedTasks) in all cells of a language together; "
                        + reason(cgroups),
                    advice: cgroupAdvice)
        }
    }

    private static func landlock() -> Protection {
        let version = csb_landlock_version()
        let name = "Landlock"
        if version > 0 {
            return Protection(name, .enforced, "version \(version): only /tmp can be written")
        }
        return Protection(
            name, .missing, "this kernel has no Landlock; mounts and seccomp hold without it",
            advice: "boot with landlock in the lsm= list, on Linux 5.13 or newer")
    }

    private static func reason(_ cgroups: CgroupSupport) -> String {
        if case .none(let reason) = cgroups { reason } else { "no such controller could be had" }
    }
}
