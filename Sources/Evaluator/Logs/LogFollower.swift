import DequeModule
import NIOCore
import Synchronization

/// The events that wait for one follower. Bounded by their bytes: what a follower that reads too slowly
/// misses is counted and told.
final class LogFollower: Sendable {
    private struct State {
        var waiting: Deque<ByteBuffer> = []
        var bytes = 0
        /// Events that it has missed and not been told of.
        var lost = 0
        var isClosed = false
        var reader: CheckedContinuation<ByteBuffer?, Never>?
    }

    /// Bytes of events that wait.
    static let limit = 2 << 20
    /// What a piece of the stream is counted with besides its bytes.
    private static let overhead = 256

    private let state = Mutex(State())

    /// Takes a piece of the stream. Never waits.
    func take(_ bytes: ByteBuffer, events: Int) {
        let reader: CheckedContinuation<ByteBuffer?, Never>? = state.withLock { state in
            guard !state.isClosed else { return nil }
            if let reader = state.reader, state.lost == 0 {
                state.reader = nil
                return reader
            }
            let more = bytes.readableBytes + Self.overhead
            guard state.bytes + more <= Self.limit else {
                state.lost += events
                return nil
            }
            if state.lost > 0 {
                let text = LogNewsText.lost(state.lost)
                state.waiting.append(text)
                state.bytes += text.readableBytes + Self.overhead
                state.lost = 0
            }
            state.waiting.append(bytes)
            state.bytes += more
            return nil
        }
        reader?.resume(returning: bytes)
    }

    /// Notes that it misses events, and tells it as soon as it reads.
    func miss(_ events: Int) {
        let told = state.withLock { state in
            state.lost += events
            guard let reader = state.reader else { return Optional<() -> Void>.none }
            let text = LogNewsText.lost(state.lost)
            (state.reader, state.lost) = (nil, 0)
            return { reader.resume(returning: text) }
        }
        told?()
    }

    /// The next piece, once there is one; `nil` when no more come. One reader at a time.
    func next() async -> ByteBuffer? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let bytes: ByteBuffer?? = state.withLock { state in
                    if let bytes = state.waiting.popFirst() {
                        state.bytes -= bytes.readableBytes + Self.overhead
                        return bytes
                    }
                    if state.lost > 0 {
                        defer { state.lost = 0 }
                        return LogNewsText.lost(state.lost)
                    }
                    if state.isClosed { return .some(nil) }
                    state.reader = continuation
                    return nil
                }
                if let bytes { continuation.resume(returning: bytes) }
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

/// A follower's place in the hub; given back when nobody holds this any more, also where a client went away
/// before the first event was written.
final class LogFollowing: Sendable {
    let follower: LogFollower
    private let end: @Sendable () -> Void

    init(_ follower: LogFollower, end: @escaping @Sendable () -> Void) {
        self.follower = follower
        self.end = end
    }

    deinit { end() }

    /// Hands everything on, with a sign of life now and then, until no more comes.
    func forEach(_ body: (ByteBuffer) async throws -> Void) async throws {
        let heartbeat = Task { [follower] in
            while (try? await Task.sleep(for: .seconds(15))) != nil {
                follower.take(LogNewsText.heartbeat, events: 0)
            }
        }
        defer { heartbeat.cancel() }
        try await body(LogNewsText.beginning)
        while let bytes = await follower.next() { try await body(bytes) }
    }
}
