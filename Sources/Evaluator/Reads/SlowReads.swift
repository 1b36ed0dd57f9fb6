import Synchronization

/// Reads that can take long: some run at once, on threads of their own, some wait for that, and more are
/// refused.
final class SlowReads: Sendable {
    /// As many run and wait as may.
    struct Busy: Error, CustomStringConvertible {
        var description: String
        static let retryAfterSeconds = 1
    }

    private struct State {
        var running = 0
        var waiting: [(number: Int, turn: CheckedContinuation<Void, any Error>)] = []
        var lastNumber = 0
    }

    private let what: String
    private let threads: QuietThreads
    private let mostWaiting: Int
    private let state = Mutex(State())

    /// - Parameters:
    ///   - what: is read, in the plural.
    ///   - mostWaiting: those that wait for one that runs to end; as many run as there are threads.
    init(_ what: String, on threads: QuietThreads, mostWaiting: Int) {
        self.what = what
        self.threads = threads
        self.mostWaiting = mostWaiting
    }

    /// Runs `body` on the threads when it is its turn.
    /// - Throws: `Busy`, and what `body` throws.
    func run<Result: Sendable>(
        _ body: @Sendable () async throws -> Result
    ) async throws -> Result {
        try await begin()
        defer { end() }
        return try await withTaskExecutorPreference(threads) { try await body() }
    }

    /// How many run and wait.
    var load: (running: Int, waiting: Int) { state.withLock { ($0.running, $0.waiting.count) } }

    private func begin() async throws {
        let number = state.withLock { state in
            state.lastNumber += 1
            return state.lastNumber
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { turn in
                let outcome: Result<Void, any Error>? = state.withLock { state in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if state.running < threads.count {
                        state.running += 1
                        return .success(())
                    }
                    guard state.waiting.count < mostWaiting else {
                        return .failure(
                            Busy(
                                description:
                                    "\(threads.count) \(what) are read at once and "
                                    + "\(mostWaiting) more may wait, which they do"))
                    }
                    state.waiting.append((number, turn))
                    return nil
                }
                if let outcome { turn.resume(with: outcome) }
            }
        } onCancel: {
            let turn = state.withLock { state in
                state.waiting.firstIndex { $0.number == number }
                    .map { state.waiting.remove(at: $0).turn }
            }
            turn?.resume(throwing: CancellationError())
        }
    }

    private func end() {
        let next = state.withLock { state in
            // The next one takes over the place.
            guard state.waiting.isEmpty else { return Optional(state.waiting.removeFirst().turn) }
            state.running -= 1
            return nil
        }
        next?.resume()
    }
}

/// The reads that can take long, by what they are.
struct Reads: Sendable {
    /// Searches in logs, of both APIs.
    let logs = SlowReads("logs", on: .searching, mostWaiting: 32)
    /// Lists, of both APIs.
    let lists = SlowReads("lists", on: .listing, mostWaiting: 128)
}
