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

    struct AttemptEnd: Sendable, Encodable {
        var call: String
        var function: String
        var state: String
        var cause: String?
    }

    fileprivate struct Follower {
        var filter: LogFilter
        var continuation: AsyncStream<Event>.Continuation
        var lost = 0
    }

    private struct State {
        var followers: [Int: Follower] = [:]
        var last = 0
        var isClosed = false
    }

    private let state = Mutex(State())
    private let followed = Atomic(false)

    /// Events that wait for a follower before more are dropped.
    private static let buffer = 4096

    /// Whether it is of use to publish. Cheap.
    var isFollowed: Bool { followed.load(ordering: .relaxed) }

    /// Events that match a filter, from now until the reader stops or the evaluator does.
    func follow(_ filter: LogFilter) -> AsyncStream<Event> {
        let (stream, continuation) = AsyncStream<Event>.makeStream(
            bufferingPolicy: .bufferingOldest(Self.buffer))
        let number: Int? = state.withLock { state in
            guard !state.isClosed else { return nil }
            state.last += 1
            state.followers[state.last] = Follower(filter: filter, continuation: continuation)
            followed.store(true, ordering: .relaxed)
            return state.last
        }
        guard let number else {
            continuation.finish()
            return stream
        }
        let heartbeat = Task {
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(15))
                continuation.yield(.heartbeat)
            }
        }
        continuation.onTermination = { [weak self] _ in
            heartbeat.cancel()
            self?.remove(number)
        }
        return stream
    }

    /// Never waits for a follower.
    func publish(_ events: [Event]) {
        guard isFollowed else { return }
        state.withLock { state in
            for number in state.followers.keys {
                for event in events { state.followers[number]?.take(event) }
            }
        }
    }

    /// Ends every stream, and those that are asked for later.
    func close() {
        let followers = state.withLock { state in
            state.isClosed = true
            return Array(state.followers.values)
        }
        for follower in followers { follower.continuation.finish() }
    }

    private func remove(_ number: Int) {
        state.withLock { state in
            state.followers[number] = nil
            if state.followers.isEmpty { followed.store(false, ordering: .relaxed) }
        }
    }
}

extension LogHub.Follower {
    fileprivate mutating func take(_ event: LogHub.Event) {
        guard filter.matches(event) else { return }
        if lost > 0 {
            guard case .enqueued = continuation.yield(.lost(lost)) else {
                lost += 1
                return
            }
            lost = 0
        }
        if case .dropped = continuation.yield(event) { lost += 1 }
    }
}

extension LogFilter {
    fileprivate func matches(_ event: LogHub.Event) -> Bool {
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
