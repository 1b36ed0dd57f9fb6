import Glibc
import NIOCore
import SandboxKit
import Synchronization

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
    let madeNs = monotonicNs()
    var phase = Phase.warming
    /// It has said that it is parked. It counts when its template has named its process as well.
    var isWarm = false
    let reader: CellReader
    /// Its answer, and what is wrong with the result; held back until its stream has ended, or it
    /// says that it waits for the next call, so that nothing can follow the answer.
    var answer: (event: FrameDecoder.Event, fault: String?)?
    /// What it serves call after call; `nil` for a cell that serves one call.
    var service: CellService?
    /// When its slices become those of any process; `.max` when they are.
    var commonSlicesNs = UInt64.max
    /// When to look at a snapshot's fork that is not parked yet; `.max` for no more.
    var warmCheckNs = UInt64.max
    /// It counts as a call of its function, though it has not been given one.
    var countsAsRunning = false
    /// What it printed between two calls, for the next one's log.
    private var early: [(stream: LogLine.Stream, bytes: ByteBuffer, isRaw: Bool)] = []
    private var earlyBytes = 0
    /// What of the order and event did not fit into the socket yet. Sent without the supervisor's lock.
    private let unsent = Mutex<[ByteBuffer]>([])

    init(cell: Cell, slot: Slot, template: TemplateRun, reader: CellReader) {
        self.cell = cell
        self.slot = slot
        self.template = template
        self.reader = reader
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
        reader.serveOn()
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
        unsent.withLock { $0 = parts.filter { $0.readableBytes > 0 } }
        return flush()
    }

    /// A cell that has gone takes nothing more; its end is reported elsewhere.
    func flush() -> Bool { unsent.withLock { flush(&$0) } }

    private func flush(_ unsent: inout [ByteBuffer]) -> Bool {
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

    // MARK: output

    /// Reads raw output, at most a pipe's contents at a time. Returns false at its end.
    func readOutput(_ stream: LogLine.Stream, rounds: Int = 1) -> Bool {
        let pipe = stream == .stdout ? cell.standardOutput : cell.standardError
        for _ in 0..<rounds {
            let piece = Reading.read(pipe, Self.scratch, Self.scratch.count)
            guard case .some(let count) = piece else { return piece == .nothingNow }
            printed(ByteBuffer(bytes: Self.scratch[..<count]), to: stream, isRaw: true)
        }
        return true
    }

    /// As much as a pipe holds. For whoever has the supervisor's lock.
    nonisolated(unsafe) private static let scratch = UnsafeMutableRawBufferPointer.allocate(
        byteCount: 64 * 1024, alignment: 16)
}
