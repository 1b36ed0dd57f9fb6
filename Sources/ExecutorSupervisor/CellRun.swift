import Glibc
import NIOCore
import SandboxKit

/// One cell as the supervisor sees it.
final class CellRun {
    enum Phase {
        /// Asked for, or forked and rehearsing.
        case warming
        case parked
        case running(CallRun)
        /// It has served a call of a `reuse` function and waits for the next one.
        case idle
        /// It keeps a snapshot, and runs no call itself.
        case keeping(Snapshot)
        /// Its call is settled, or it was never given one: only its end is awaited.
        case ending(CallRun?)
    }

    let cell: Cell
    let slot: Slot
    let template: TemplateRun
    var phase = Phase.warming
    private var decoder: FrameDecoder
    private(set) var streamEnded = false
    private(set) var pendingAnswer: FrameDecoder.Event?
    /// What it serves call after call; `nil` for a cell that serves one call.
    var service: CellService?
    /// What it printed between two calls, for the next one's log.
    private var early: [(stream: LogLine.Stream, bytes: ByteBuffer, isRaw: Bool)] = []
    private var earlyBytes = 0
    /// What of the order and event did not fit into the socket yet.
    private var unsent: [ByteBuffer] = []

    init(cell: Cell, slot: Slot, template: TemplateRun, resultLimit: Int) {
        self.cell = cell
        self.slot = slot
        self.template = template
        decoder = FrameDecoder(resultLimit: resultLimit)
    }

    var call: CallRun? {
        switch phase {
        case .running(let call): call
        case .ending(let call): call
        default: nil
        }
    }

    // MARK: serving on

    /// From here on it is for this function alone, call after call.
    func serve(_ request: CallRequest) {
        service = CellService(request, cpuClock: cell.cpuClock())
        decoder.servesOn = true
    }

    /// Its answer, once.
    func takeAnswer() -> FrameDecoder.Event? {
        defer { pendingAnswer = nil }
        return pendingAnswer
    }

    func printed(_ bytes: ByteBuffer, to stream: LogLine.Stream, isRaw: Bool) {
        if let call {
            call.printed(bytes.readableBytesView, to: stream, isRaw: isRaw)
        } else if service != nil || isKeeper,
            earlyBytes + bytes.readableBytes <= Self.mostEarlyBytes
        {
            early.append((stream, bytes, isRaw))
            earlyBytes += bytes.readableBytes
        }
    }

    private var isKeeper: Bool {
        if case .keeping = phase { true } else { false }
    }

    /// Hands on what was printed since the last call, or before the first.
    /// - Parameter keeping: others are to get it too.
    func printEarly(to call: CallRun, keeping: Bool = false) {
        for piece in early {
            call.printed(piece.bytes.readableBytesView, to: piece.stream, isRaw: piece.isRaw)
        }
        if keeping { return }
        early = []
        earlyBytes = 0
    }

    private static let mostEarlyBytes = 64 * 1024

    // MARK: sending

    /// Sends as much as the socket takes. Returns whether all of it has gone.
    func send(_ parts: [ByteBuffer]) -> Bool {
        unsent = parts.filter { $0.readableBytes > 0 }
        return flush()
    }

    /// A cell that has gone takes nothing more; its end is reported elsewhere.
    func flush() -> Bool {
        while !unsent.isEmpty {
            let sent = Sending.send(unsent, to: cell.call)
            if sent == -Int(EAGAIN) { return false }
            guard sent > 0 else {
                unsent = []
                return true
            }
            var left = sent
            while left > 0, var first = unsent.first {
                let taken = min(left, first.readableBytes)
                first.moveReaderIndex(forwardBy: taken)
                left -= taken
                if first.readableBytes == 0 { unsent.removeFirst() } else { unsent[0] = first }
            }
        }
        return true
    }

    // MARK: receiving

    /// Reads what the call socket has and hands on what it says. An answer is held back until the
    /// stream has ended, so that nothing can follow it.
    /// - Parameter toEnd: read until the socket is empty, because the cell is gone.
    func receive(toEnd: Bool, _ handle: (FrameDecoder.Event) -> Void) {
        // A cell can send faster than it is read: others, and its own deadline, have their turn.
        var rounds = 0
        while !streamEnded, toEnd || rounds < Self.roundsAtOnce {
            rounds += 1
            let room = min(max(64 * 1024, decoder.expectedBytes), 1024 * 1024)
            let count = decoder.receive { buffer in
                buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { space in
                    max(0, readBytes(cell.call, space, room))
                }
            }
            if count == 0 {
                // Nothing now, or nothing ever: told apart by the reader below.
                if lastReadEnded { streamEnded = true }
                break
            }
            while let event = decoder.next() {
                switch event {
                case .result, .error: pendingAnswer = event
                case .violation, .tooLarge:
                    pendingAnswer = nil
                    streamEnded = true
                    handle(event)
                    return
                default: handle(event)
                }
            }
            if count < room && !toEnd && !decoder.isAnswered { break }
        }
    }

    private var lastReadEnded = false
    private static let roundsAtOnce = 8

    private func readBytes(
        _ descriptor: Descriptor, _ space: UnsafeMutableRawBufferPointer, _ limit: Int
    ) -> Int {
        while true {
            let count = read(descriptor.raw, space.baseAddress, min(space.count, limit))
            if count < 0 && errno == EINTR { continue }
            // A reset is an end too: the cell closed with bytes of the event unread.
            lastReadEnded = count == 0 || (count < 0 && errno != EAGAIN)
            return count
        }
    }

    /// Reads raw output, at most a pipe's contents at a time. Returns false at its end.
    func readOutput(_ stream: LogLine.Stream, rounds: Int = 1) -> Bool {
        let pipe = stream == .stdout ? cell.standardOutput : cell.standardError
        return withUnsafeTemporaryAllocation(byteCount: 64 * 1024, alignment: 1) { space in
            for _ in 0..<rounds {
                let count = readBytes(pipe, space, space.count)
                guard count > 0 else { return !lastReadEnded }
                printed(ByteBuffer(bytes: space[..<count]), to: stream, isRaw: true)
            }
            return true
        }
    }
}
