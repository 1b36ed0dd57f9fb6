import TestSupport

/// Attacks that come to another end in a fork of a snapshot, by their titles. With
/// `CLOISTER_TEST_ISOLATION=snapshot` every attack of the suite is made from one.
enum SnapshotOutcomes {
    static let isAsked = TestEvaluator.defaultIsolation == "snapshot"

    private static let noSharedMemory = (
        Attack.Safe.fails("handler_error", "blocked: mmap"), Attack.Blocked.first("mmap")
    )

    private static let outcomes: [String: (Attack.Safe, Attack.Blocked)] = [
        // Shared mappings are refused before anything else is.
        "shared memory by mmap": noSharedMemory,
        "int 0x80 in machine code": noSharedMemory,
        "a number of x32 in machine code": noSharedMemory,
        "sysenter in machine code": noSharedMemory,
        "hlt in machine code": noSharedMemory,
        "wrmsr in machine code": noSharedMemory,
        "ud2 in machine code": noSharedMemory,
        // All ids but none are mapped in its user namespace, and look the same.
        "set-user-id files": (.answers("true"), .nothing),
        // Its last steps, which only take rights away.
        "capset, call 126": (.answers("\"EFAULT\""), .nothing),
        "landlock_restrict_self, call 446": (.answers("\"EBADFD\""), .nothing),
        // It has its page to itself, and next to it what its library needs.
        "the status page overwritten": (
            .either(.answers("\"overwritten\""), .fails("crashed", "SIGSEGV")), .nothing
        ),
    ]

    /// The descriptor of its status page.
    private static let descriptors: [String: String] = [
        "python": #"{"0": "device", "1": "pipe", "2": "pipe", "3": "socket", "999": "other"}"#,
        "javascript":
            #"[["device","pipe","pipe","socket"],["anonymous","device","file","pipe"]]"#,
    ]

    static func adapt(_ attack: Attack) -> Attack {
        guard isAsked else { return attack }
        var attack = attack
        if let (safe, blocked) = outcomes[attack.title] {
            (attack.safe, attack.blocked, attack.weaker) = (safe, blocked, nil)
        }
        if attack.title == "every descriptor that is open",
            let answer = descriptors[attack.runtime]
        {
            attack.safe = .answers(answer)
        }
        if attack.title == "code mapped from /tmp" { attack.blocked = .first("mmap") }
        return attack
    }
}
