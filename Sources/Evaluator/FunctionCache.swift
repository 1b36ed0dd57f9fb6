import FunctionRegistry
import Synchronization

/// What a call needs to know of its function.
struct CallableFunction: Sendable {
    /// With what another API says of its limits and of asynchronous calls.
    var version: FunctionVersion
    var secrets: FunctionSecrets
    var surroundings: CallSurroundings?

    /// Whether no call of it may begin.
    var isPaused: Bool { version.concurrency == 0 }

    /// What the handler finds in its environment.
    var environment: [String: String] {
        let own = version.environment.merging(secrets.environment) { _, secret in secret }
        return surroundings?.environment.merging(own) { _, own in own } ?? own
    }
}

/// What the calls of a function that another API registered are told besides.
struct CallSurroundings: Sendable {
    /// Variables that the function's own go over.
    var environment: [String: String]
    /// JSON for the context object of the call with an id; with a new trace where it has none.
    var context: @Sendable (_ call: String, _ trace: String?) -> String
    /// `$LATEST` or a number, as the log says it.
    var version: String
    var logging: LambdaLogging
}

/// Knows the surroundings of functions.
protocol SurroundingsProviding: Sendable {
    /// - Returns: the version with the limits and settings that hold now; and `nil` for a function whose
    ///   calls are told nothing besides.
    func surroundings(
        of version: FunctionVersion
    ) async throws -> (version: FunctionVersion, surroundings: CallSurroundings?)
}

/// The versions that calls ask for, in memory: the invoke path reads the database only once for each.
final class FunctionCache: Sendable {
    private struct State {
        /// By name and version; `nil` is the newest.
        var entries: [String: [Int?: CallableFunction]] = [:]
        var count = 0
        /// Counts invalidations, so that what was read before one is not stored after it.
        var generation = 0
        var onChange: (@Sendable (String) -> Void)?
    }

    /// Entries above which the cache starts over: far more functions than one node runs at a time.
    private static let maximumEntries = 10_000

    private let registry: FunctionRegistry
    private let provider: (any SurroundingsProviding)?
    /// Ends what is kept ready for a function's calls.
    private let endKept: @Sendable (String) -> Void
    private let state = Mutex(State())

    init(
        registry: FunctionRegistry, provider: (any SurroundingsProviding)? = nil,
        endKept: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.registry = registry
        self.provider = provider
        self.endKept = endKept
    }

    /// - Parameter body: is told of the functions that have been changed.
    func onChange(_ body: @escaping @Sendable (String) -> Void) {
        state.withLock { $0.onChange = body }
    }

    /// Grows with every invalidation.
    var generation: Int { state.withLock { $0.generation } }

    /// The newest version of a function, or the one with this number.
    func find(_ name: String, version: Int?) async throws -> CallableFunction? {
        let key = version
        let (found, generation) = state.withLock { ($0.entries[name]?[key], $0.generation) }
        if let found { return found }
        guard var version = try await registry.function(name, version: version) else { return nil }
        let secrets =
            version.secretNames.isEmpty && version.async?.hasWebhook != true
            ? FunctionSecrets() : try await registry.secrets(of: version)
        var surroundings: CallSurroundings?
        if let provider {
            (version, surroundings) = try await provider.surroundings(of: version)
        }
        let function = CallableFunction(
            version: version, secrets: secrets, surroundings: surroundings)
        state.withLock { state in
            guard state.generation == generation else { return }
            if state.count >= Self.maximumEntries {
                state.entries = [:]
                state.count = 0
            }
            if state.entries[name, default: [:]].updateValue(function, forKey: key) == nil {
                state.count += 1
            }
        }
        return function
    }

    /// Forgets what is known of a function; call it after each change of the registry.
    func invalidate(_ name: String) {
        let told = state.withLock { state in
            state.generation += 1
            state.count -= state.entries.removeValue(forKey: name)?.count ?? 0
            return state.onChange
        }
        told?(name)
    }

    /// Forgets a function, or a version of one, that is no longer there, with what is kept ready for its calls.
    func remove(_ name: String) {
        invalidate(name)
        endKept(name)
    }

    /// Forgets what is known of a function, and reads its newest version for the first call, which
    /// reads it itself where that fails.
    func renew(_ name: String) async {
        invalidate(name)
        _ = try? await find(name, version: nil)
    }
}
