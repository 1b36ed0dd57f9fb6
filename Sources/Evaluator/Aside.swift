import HTTPTypes
import NIOCore
import NIOPosix
import Synchronization

/// Does what takes long enough to hold up an event loop, and all requests on it, on threads of its own: reads
/// and checks large texts, hashes and unpacks them. The one place for that.
final class Aside: Sendable {
    static let shared = Aside(threads: 2)

    /// Texts of which a check takes less than a switch of threads is worth.
    static let smallBytes = 64 << 10
    /// Pieces of work that may wait. Each holds a body of a request, so there is a bound in bytes besides.
    static let mostWaiting = 256

    private let pool: NIOThreadPool
    private let waiting = Atomic(0)

    /// - Parameter threads: few, so that calls have processors too.
    init(threads: Int) {
        pool = NIOThreadPool(numberOfThreads: threads)
        pool.start()
    }

    /// - Throws: what `work` throws; `Problem` of the kind `overloaded` where too much waits already.
    func run<Result: Sendable>(
        _ work: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        defer { waiting.subtract(1, ordering: .relaxed) }
        guard waiting.add(1, ordering: .relaxed).oldValue < Self.mostWaiting else {
            throw Problem(
                .overloaded, "too many large requests wait to be read; try again in 1 s",
                headers: [.retryAfter: "1"])
        }
        return try await pool.runIfActive(work)
    }

    /// As `run`, but at once where there are few bytes to work on.
    func run<Result: Sendable>(
        for bytes: Int, _ work: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        bytes <= Self.smallBytes ? try work() : try await run(work)
    }
}
