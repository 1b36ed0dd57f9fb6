import CSandbox
import Foundation

/// Which system calls a cell may make, as reviewed data (`executors/*/seccomp.json`).
///
/// What a policy does not list is denied with EPERM through a signal, so that the first denial of a
/// call can be told. Foreign architectures (i386, x32) end the process.
public struct SeccompPolicy: Sendable, Equatable {
    /// One argument of a call is compared with a value; all 64 bits count.
    public struct Comparison: Sendable, Equatable {
        public enum Relation: Sendable, Equatable {
            case equals(masked: UInt64)
            case differs
            /// Greater, as numbers without a sign.
            case above
        }

        public var argument: Int
        public var relation: Relation
        public var value: UInt64
    }

    /// A rule for a call with certain arguments.
    public struct Condition: Sendable, Equatable {
        public var call: String
        public var comparisons: [Comparison]
        /// With `refuseWhen`: the error number's name.
        public var errno: String?
    }

    /// Calls allowed with any arguments.
    public internal(set) var allowed: Set<String> = []
    public internal(set) var conditions: [Condition] = []
    /// Calls answered with an error number when they have certain arguments.
    public private(set) var refusedConditions: [Condition] = []
    /// Calls answered with an error number and no report; with 0 they succeed and do nothing.
    public internal(set) var refused: [String: Int32] = [:]
    /// Calls that are denied and then answered in the cell, with some arguments or all.
    public private(set) var answered: Set<String> = []

    /// Reads a policy and what it includes.
    /// - Parameter further: another one, which is joined to the first as if it included it.
    public init(contentsOf file: URL, joinedBy further: URL? = nil) throws {
        try merge(file, depth: 0)
        if let further { try merge(further, depth: 0) }
    }

    private mutating func merge(_ file: URL, depth: Int) throws {
        guard depth < 4 else {
            throw SandboxError("read \(file.lastPathComponent): policies include each other")
        }
        let document = try SeccompDocument(contentsOf: file)
        if let include = document.include {
            try merge(
                file.deletingLastPathComponent().appendingPathComponent(include)
                    .standardizedFileURL, depth: depth + 1)
        }
        let narrowed = (document.narrowWhen ?? []).flatMap(\.conditions)
        let further = document.allowWhen.flatMap(\.conditions)
        // A condition narrows what an included policy allows with any arguments.
        allowed.subtract((narrowed + further).map(\.call))
        let replaced = Set(narrowed.map(\.call))
        conditions.removeAll { replaced.contains($0.call) }
        allowed.formUnion(document.allowed)
        conditions += narrowed + further
        refusedConditions += (document.refuseWhen ?? []).flatMap(\.conditions)
        for refusal in document.refuse ?? [] {
            let number = try SeccompPolicy.errorNumber(refusal.errno)
            for call in refusal.calls { refused[call] = number }
        }
        answered.formUnion((document.answered ?? []).flatMap(\.calls))
        // An including policy may refuse what the included one allows, never the reverse in silence.
        allowed.subtract(refused.keys)
    }

    private static func errorNumber(_ name: String?) throws(SandboxError) -> Int32 {
        let numbers = [
            "SUCCESS": 0, "ENOSYS": ENOSYS, "EPERM": EPERM, "EACCES": EACCES, "EINVAL": EINVAL,
            "EXDEV": EXDEV, "EOPNOTSUPP": EOPNOTSUPP,
        ]
        guard let name, let number = numbers[name] else {
            throw SandboxError(
                "read a seccomp policy: \(name ?? "nothing") is not one of \(numbers.keys.sorted())"
            )
        }
        return number
    }

    // SCMP_ACT_… are macros that Swift does not import; values from seccomp.h.
    static let actAllow: UInt32 = 0x7fff_0000
    static let actTrap: UInt32 = 0x0003_0000
    private static let actKillProcess: UInt32 = 0x8000_0000
    static func actErrno(_ number: Int32) -> UInt32 {
        0x0005_0000 | UInt32(number & 0xffff)
    }

    /// Compiles to a BPF program: an array of `struct sock_filter`.
    public func compile() throws(SandboxError) -> [UInt8] {
        try Self.program(default: Self.actTrap) { (context) throws(SandboxError) in
            for call in allowed.sorted() {
                try add(context, Self.actAllow, call, nil)
            }
            for condition in conditions {
                try add(context, Self.actAllow, condition.call, condition)
            }
            for condition in refusedConditions {
                try add(
                    context, Self.actErrno(try Self.errorNumber(condition.errno)),
                    condition.call, condition)
            }
            for (call, number) in refused.sorted(by: { $0.key < $1.key }) {
                // A library older than the call leaves it to the default, which denies it too.
                guard SyscallNames.number(of: call) != nil else { continue }
                try add(context, Self.actErrno(number), call, nil)
            }
        }
    }

    /// A program whose rules `body` adds, with an action for what they do not name.
    static func program(
        default action: UInt32, _ body: (scmp_filter_ctx) throws(SandboxError) -> Void
    ) throws(SandboxError) -> [UInt8] {
        guard let context = seccomp_init(action) else {
            throw SandboxError("start a seccomp filter")
        }
        defer { seccomp_release(context) }
        try check(
            seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, actKillProcess),
            "set the action for foreign architectures")
        // A binary tree of call numbers: a few comparisons a call instead of hundreds.
        try check(
            seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2), "order the filter as a tree")
        try body(context)
        return try export(context)
    }

    func add(
        _ context: scmp_filter_ctx, _ action: UInt32, _ call: String, _ condition: Condition?
    ) throws(SandboxError) {
        guard let number = SyscallNames.number(of: call) else {
            throw SandboxError(
                "compile the seccomp policy", detail: "libseccomp knows no system call \(call)")
        }
        let comparisons = (condition?.comparisons ?? []).map {
            switch $0.relation {
            case .equals(let mask):
                scmp_arg_cmp(
                    arg: UInt32($0.argument), op: SCMP_CMP_MASKED_EQ, datum_a: mask,
                    datum_b: $0.value)
            case .differs:
                scmp_arg_cmp(
                    arg: UInt32($0.argument), op: SCMP_CMP_NE, datum_a: $0.value, datum_b: 0)
            case .above:
                scmp_arg_cmp(
                    arg: UInt32($0.argument), op: SCMP_CMP_GT, datum_a: $0.value, datum_b: 0)
            }
        }
        try check(
            seccomp_rule_add_array(context, action, number, UInt32(comparisons.count), comparisons),
            "add the seccomp rule for \(call)")
    }

    private static func export(_ context: scmp_filter_ctx) throws(SandboxError) -> [UInt8] {
        let file = try Descriptor.memory(named: "seccomp", size: 0, fixedSize: false)
        try check(seccomp_export_bpf(context, file.raw), "compile the seccomp filter")
        let size = Int(lseek(file.raw, 0, SEEK_END))
        var program = [UInt8](repeating: 0, count: max(0, size))
        guard size > 0, pread(file.raw, &program, size, 0) == size else {
            throw SandboxError("read the compiled seccomp filter", code: errno)
        }
        return program
    }
}
