import Synchronization

/// Who needs which bundle: calls that are on their way, and puts that have stored a bundle but not
/// yet the version that refers to it.
///
/// A bundle that no version refers to any more is *condemned*: new calls cannot take it, and it is
/// removed when its last lease is given back. So calls that run while their function is deleted can
/// import more of their files until they end.
final class BundleLeases: Sendable {
    private struct State {
        /// Calls that use a bundle.
        var leases: [String: Int] = [:]
        /// Puts between storing a bundle and committing a version.
        var puts: [String: Int] = [:]
        var condemned: Set<String> = []
    }

    private let state = Mutex(State())

    /// Takes a lease for a call.
    /// - Throws: `RegistryError.bundleGone` when the bundle is condemned.
    func acquire(_ sha256: String) throws {
        try state.withLock { state in
            guard !state.condemned.contains(sha256) else {
                throw RegistryError.bundleGone(sha256: sha256)
            }
            state.leases[sha256, default: 0] += 1
        }
    }

    /// Notes that a put has stored the bundle and is about to commit a version that refers to it; a
    /// condemned bundle has a future again. Call it on the store's queue.
    func beginPut(_ sha256: String) {
        state.withLock { state in
            state.condemned.remove(sha256)
            state.puts[sha256, default: 0] += 1
        }
    }

    /// Notes that a put has committed its version, or never will.
    func endPut(_ sha256: String) {
        state.withLock { state in
            guard let count = state.puts[sha256] else { return }
            state.puts[sha256] = count == 1 ? nil : count - 1
        }
    }

    /// Whether a put may still commit a version that refers to the bundle.
    func hasPut(_ sha256: String) -> Bool {
        state.withLock { $0.puts[sha256] != nil }
    }

    /// Gives a lease back.
    /// - Returns: whether the bundle has to be removed now.
    func release(_ sha256: String) -> Bool {
        state.withLock { state in
            guard let count = state.leases[sha256] else { return false }
            state.leases[sha256] = count == 1 ? nil : count - 1
            return count == 1 && state.condemned.contains(sha256)
        }
    }

    /// Condemns a bundle.
    /// - Returns: whether it can be removed at once.
    func condemn(_ sha256: String) -> Bool {
        state.withLock { state in
            state.condemned.insert(sha256)
            return state.leases[sha256] == nil
        }
    }

    /// Whether the bundle is condemned and not leased, so that it may be removed.
    func isRemovable(_ sha256: String) -> Bool {
        state.withLock { $0.condemned.contains(sha256) && $0.leases[sha256] == nil }
    }

    /// Forgets a bundle that has been removed.
    func removed(_ sha256: String) {
        state.withLock { _ = $0.condemned.remove(sha256) }
    }
}
