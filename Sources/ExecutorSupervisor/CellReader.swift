import Glibc
import NIOCore
import SandboxKit
import Synchronization

/// Reads a cell's call socket, without the supervisor's lock: a cell may send megabytes, and other
/// calls go on meanwhile. What it says is then heard with the lock held.
final class CellReader: Sendable {
    /// What a cell has said, in order.
    struct Said {
        var events: [FrameDecoder.Event] = []
        /// What is wrong with a result, by its place among the events.
        var faults: [Int: String] = [:]
        /// Nothing more will come, or nothing more is read.
        var isOver = false
    }

    private struct State {
        var decoder: FrameDecoder
        var allowsNonFinite = false
        var isOver = false
    }

    private let call: Descriptor
    private let check: SupervisorConfiguration.ResultCheck
    private let state: Mutex<State>
    /// A cell can send faster than it is read: others, and its own deadline, have their turn.
    private static let roundsAtOnce = 8

    /// - Parameter check: says what is wrong with a result.
    init(call: Descriptor, resultLimit: Int, check: @escaping SupervisorConfiguration.ResultCheck) {
        self.call = call
        self.check = check
        state = Mutex(State(decoder: FrameDecoder(resultLimit: resultLimit)))
    }

    /// From here on an answer may be followed by the word that the cell waits for its next call.
    func serveOn() { state.withLock { $0.decoder.servesOn = true } }

    /// The cell is given another call: answers to others are not taken for its.
    func expect(_ number: UInt16) { state.withLock { $0.decoder.number = number } }

    /// What the results of the call that the cell is given may have.
    func expect(nonFinite: Bool) { state.withLock { $0.allowsNonFinite = nonFinite } }

    /// Reads what the socket has.
    /// - Parameter toEnd: read until it is empty, because the cell is gone.
    func read(toEnd: Bool = false) -> Said {
        state.withLock { state in
            var said = Said()
            var rounds = 0
            while !state.isOver, toEnd || rounds < Self.roundsAtOnce {
                rounds += 1
                // One that filled what there was has more to say.
                let more = rounds > 1 && !state.decoder.isAnswered ? 64 * 1024 : 0
                let room = min(max(state.decoder.expectedBytes, more), 1024 * 1024)
                var hasEnded = false
                let count = state.decoder.receive { buffer in
                    buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { space in
                        let count = Reading.read(call, space, room)
                        hasEnded = count == .end
                        return count.bytes
                    }
                }
                if hasEnded { state.isOver = true }
                if count == 0 { break }
                while !state.isOver, let event = state.decoder.next() {
                    said.events.append(event)
                    switch event {
                    case .result(let result):
                        said.faults[said.events.count - 1] = check(
                            result, state.allowsNonFinite)
                    case .violation, .tooLarge: state.isOver = true
                    default: break
                    }
                }
                if count < room && !toEnd && !state.decoder.isAnswered { break }
            }
            said.isOver = state.isOver
            return said
        }
    }
}

/// One read from a descriptor that does not block.
enum Reading: Equatable {
    case some(Int)
    case nothingNow
    case end

    var bytes: Int { if case .some(let count) = self { count } else { 0 } }

    static func read(
        _ descriptor: Descriptor, _ space: UnsafeMutableRawBufferPointer, _ limit: Int
    ) -> Reading {
        while true {
            let count = Glibc.read(descriptor.raw, space.baseAddress, min(space.count, limit))
            if count > 0 { return .some(count) }
            if count < 0 && errno == EINTR { continue }
            // A reset is an end too: the cell closed with bytes of the event unread.
            return count < 0 && errno == EAGAIN ? .nothingNow : .end
        }
    }
}
