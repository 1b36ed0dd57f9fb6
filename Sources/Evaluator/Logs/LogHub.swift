import FunctionRegistry
import Synchronization

/// Hands what calls print to those who follow it, as it is printed.
final class LogHub: Sendable {
    enum Event: Sendable {
        case line(FoundLine)
        case end(AttemptEnd)
        /// A follower that reads too slowly has missed so many events.
        case lost(Int)
        /// Nothing happened for a while; keeps the connection open, and notices that it is not.
        case heartbeat
    }

    struct AttemptEnd: Sendable {
        var call: String
        var function: String
        var state: String
        var cause: String?
    }

    private struct State {
        var followers: [Int: LogFollower] = [:]
        var last = 0
        var isClosed = false
    }

    private let state = Mutex(State())
    private let followed = Atomic(false)

    /// Whether it is of use to publish. Cheap.
    var isFollowed: Bool { followed.load(ordering: .relaxed) }

    /// Events that match a filter, from now until the evaluator stops; `body` reads them.
    func follow(
        _ filter: LogFilter, _ body: (LogFollower) async throws -> Void
    ) async throws {
        let follower = LogFollower(filter)
        let number: Int? = state.withLock { state in
            guard !state.isClosed else { return nil }
            state.last += 1
            state.followers[state.last] = follower
            followed.store(true, ordering: .relaxed)
            return state.last
        }
        guard let number else { return }
        let heartbeat = Task {
            while (try? await Task.sleep(for: .seconds(15))) != nil { follower.take(.heartbeat) }
        }
        defer {
            heartbeat.cancel()
            remove(number)
        }
        try await body(follower)
    }

    /// Never waits for a follower.
    func publish(_ events: [Event]) {
        guard isFollowed else { return }
        for follower in state.withLock({ Array($0.followers.values) }) {
            for event in events { follower.take(event) }
        }
    }

    /// Ends every stream, and those that are asked for later.
    func close() {
        let followers = state.withLock { state in
            state.isClosed = true
            return Array(state.followers.values)
        }
        for follower in followers { follower.close() }
    }

    private func remove(_ number: Int) {
        state.withLock { state in
            state.followers[number] = nil
            if state.followers.isEmpty { followed.store(false, ordering: .relaxed) }
        }
    }
}

extension LogFilter {
    func matches(_ event: LogHub.Event) -> Bool {
        func isOf(_ function: String, _ call: String) -> Bool {
            (self.function ?? function) == function && (self.call ?? call) == call
        }
        switch event {
        case .line(let found): return isOf(found.function, found.call) && matches(found.line)
        case .end(let end): return isOf(end.function, end.call)
        case .lost, .heartbeat: return true
        }
    }
}
