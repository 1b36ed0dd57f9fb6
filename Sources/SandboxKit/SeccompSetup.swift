import CSandbox
import Foundation

/// What a template, its keepers and its cells do before a call's code runs, as reviewed data
/// (`executors/setup.seccomp.json`).
///
/// A process that has a policy's `compile(with:)` and then takes the `closing(_:)` on may do what the
/// policy says and nothing else: of two filters the stricter answer counts. Nearly all of the work of
/// putting a filter on is in the first, which forks inherit.
public struct SeccompSetup: Sendable {
    var allowed: Set<String>
    var conditions: [SeccompPolicy.Condition]

    public init(contentsOf file: URL) throws {
        let document = try SeccompDocument(contentsOf: file)
        allowed = document.allowed
        conditions = document.allowWhen.flatMap(\.conditions)
    }
}

extension SeccompPolicy {
    /// Compiles to a program that allows the setup as well.
    /// - Throws: also when the policy allows any of the setup, which `closing(_:)` would take away.
    public func compile(with setup: SeccompSetup) throws(SandboxError) -> [UInt8] {
        let own = allowed.union(conditions.map(\.call))
        let both = own.intersection(setup.allowed)
            .union(allowed.intersection(setup.conditions.map(\.call)))
        guard both.isEmpty else {
            throw SandboxError(
                "join a seccomp policy and the setup", detail: "both allow \(both.sorted())")
        }
        var joined = self
        joined.allowed.formUnion(setup.allowed)
        joined.conditions += setup.conditions
        joined.refused = refused.filter { !setup.allowed.contains($0.key) }
        return try joined.compile()
    }

    /// Compiles to a program that denies the setup, as the policy does, and leaves the rest to the
    /// filter that is there already.
    public func closing(_ setup: SeccompSetup) throws(SandboxError) -> [UInt8] {
        try Self.program(default: Self.actAllow) { (context) throws(SandboxError) in
            for call in setup.allowed.sorted() {
                let action = refused[call].map(Self.actErrno) ?? Self.actTrap
                try add(context, action, call, nil)
            }
            for condition in setup.conditions {
                try add(context, Self.actTrap, condition.call, condition)
            }
        }
    }
}
