import DequeModule
import FunctionRegistry
import Synchronization

/// The events that wait for one follower. Bounded by their bytes: what a follower that reads too slowly
/// misses is counted and told.
final class LogFollower: Sendable {
    private struct State {
        var events: Deque<LogHub.Event> = []
        var bytes = 0
        var lost = 0
        var isClosed = false
        var reader: CheckedContinuation<LogHub.Event?, Never>?
    }

    /// Bytes of events that wait.
    private static let limit = 4 << 20

    private let filter: LogFilter
    private let state = Mutex(State())

    init(_ filter: LogFilter) {
        self.filter = filter
    }

    /// Takes an event that matches. Never waits.
    func take(_ event: LogHub.Event) {
        guard filter.matches(event) else { return }
        let reader: CheckedContinuation<LogHub.Event?, Never>? = state.withLock { state in
            if let reader = state.reader {
                state.reader = nil
                return reader
            }
            guard state.bytes + event.bytes <= Self.limit else {
                state.lost += 1
                return nil
            }
            if state.lost > 0 {
                state.events.append(.lost(state.lost))
                state.bytes += LogHub.Event.lost(0).bytes
                state.lost = 0
            }
            state.events.append(event)
            state.bytes += event.bytes
            return nil
        }
        reader?.resume(returning: event)
    }

    /// The next event, once there is one; `nil` when no more come. One reader at a time.
    func next() async -> LogHub.Event? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let event: LogHub.Event?? = state.withLock { state in
                    if let event = state.events.popFirst() {
                        state.bytes -= event.bytes
                        return event
                    }
                    if state.lost > 0 {
                        defer { state.lost = 0 }
                        return LogHub.Event.lost(state.lost)
                    }
                    if state.isClosed { return .some(nil) }
                    state.reader = continuation
                    return nil
                }
                if let event { continuation.resume(returning: event) }
            }
        } onCancel: {
            close()
        }
    }

    /// After what waits, no more comes.
    func close() {
        let reader = state.withLock { state in
            state.isClosed = true
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(returning: nil)
    }
}

extension LogHub.Event {
    /// Roughly the memory that it holds.
    var bytes: Int {
        if case .line(let found) = self { found.line.text.utf8.count + 256 } else { 256 }
    }
}
