import CWire
import NIOCore

/// Reads what a cell sends on its call socket. Every byte of it is untrusted: the order of frames,
/// their types, lengths and reserved fields are checked, and nothing is kept that has no limit.
struct FrameDecoder {
    enum Event: Equatable {
        case parked
        /// Output, in pieces as it arrives; of stream 3, a result's.
        case log(stream: UInt8, ByteBuffer)
        case result(ByteBuffer)
        case error(ByteBuffer)
        /// A result frame that is longer than allowed; nothing after it is read.
        case tooLarge(bytes: Int)
        /// Something that no executor sends; nothing after it is read.
        case violation(String)
    }

    private enum State {
        case head
        case log(stream: UInt8, remaining: Int)
        case body(type: UInt8, length: Int)
        /// An answer is in: the stream may only end.
        case answered
        case failed
    }

    private let resultLimit: Int
    private let parked = UInt8(CW_FRAME_PARKED.rawValue)
    private let errorLimit = 256 * 1024
    private static let leastRoom = 4096
    private static let headBytes = MemoryLayout<cw_frame>.size
    private var state = State.head
    private var buffer = ByteBuffer()
    /// An answer may be followed by the word that the cell waits for its next call.
    var servesOn = false
    /// Which of its cell's calls an answer has to be for.
    var number: UInt16 = 0

    init(resultLimit: Int) {
        self.resultLimit = resultLimit
    }

    /// Whether an answer is complete. It counts once the stream has ended as well.
    var isAnswered: Bool {
        if case .answered = state { true } else { false }
    }

    /// Room to make before the next read: little for what is mostly little, as new memory costs more
    /// than a second read, and enough for a long frame that is known to come.
    var expectedBytes: Int {
        switch state {
        case .body(_, let length): max(Self.leastRoom, length - buffer.readableBytes)
        case .log(_, let remaining): max(Self.leastRoom, remaining)
        case .answered where !servesOn: Self.headBytes
        default: Self.leastRoom
        }
    }

    /// Where the next bytes from the socket go.
    mutating func receive(_ body: (inout ByteBuffer) -> Int) -> Int {
        if buffer.readableBytes == 0 {
            // What was handed out shares its memory, and would be copied for the next bytes.
            buffer = ByteBuffer()
        } else {
            // Once a read and not once a frame: it moves what is left.
            buffer.discardReadBytes()
        }
        return body(&buffer)
    }

    /// The next event in what was received, or `nil` when more bytes are needed.
    mutating func next() -> Event? {
        // A loop: a cell may send any number of frames that give no event.
        while true {
            switch state {
            case .head:
                guard buffer.readableBytes >= Self.headBytes else { return nil }
                if let event = readHead() { return event }
            case .log(let stream, let remaining):
                guard let piece = buffer.readSlice(length: min(remaining, buffer.readableBytes)),
                    piece.readableBytes > 0
                else { return nil }
                let left = remaining - piece.readableBytes
                state = left > 0 ? .log(stream: stream, remaining: left) : .head
                return .log(stream: stream, piece)
            case .body(let type, let length):
                guard let body = buffer.readSlice(length: length) else { return nil }
                state = .answered
                return type == UInt8(CW_FRAME_RESULT.rawValue) ? .result(body) : .error(body)
            case .answered:
                guard buffer.readableBytes > 0 else { return nil }
                guard servesOn, buffer.getInteger(at: buffer.readerIndex) == parked else {
                    return fail("it sent more after its answer")
                }
                guard buffer.readableBytes >= Self.headBytes else { return nil }
                state = .head
                return readHead()
            case .failed:
                return nil
            }
        }
    }

    /// Reads a frame's head, which is there in full. Only some frames are events by themselves.
    private mutating func readHead() -> Event? {
        guard let type = buffer.readInteger(endianness: .little, as: UInt8.self),
            let stream = buffer.readInteger(endianness: .little, as: UInt8.self),
            let answers = buffer.readInteger(endianness: .little, as: UInt16.self),
            let length = buffer.readInteger(endianness: .little, as: UInt32.self).map(Int.init)
        else { return nil }
        switch UInt32(type) {
        case CW_FRAME_RESULT.rawValue where answers != number,
            CW_FRAME_ERROR.rawValue where answers != number:
            return fail("it answered another call than the one that it was given")
        case CW_FRAME_PARKED.rawValue where answers != 0, CW_FRAME_LOG.rawValue where answers != 0:
            return fail("a frame that is no answer has the number of a call")
        case CW_FRAME_PARKED.rawValue where length == 0 && stream == 0:
            return .parked
        case CW_FRAME_LOG.rawValue where (1...3).contains(stream):
            if length > 0 { state = .log(stream: stream, remaining: length) }
            return nil
        case CW_FRAME_RESULT.rawValue where stream == 0:
            guard length <= resultLimit else {
                state = .failed
                return .tooLarge(bytes: length)
            }
            state = .body(type: type, length: length)
            return nil
        case CW_FRAME_ERROR.rawValue where stream == 0:
            guard length <= errorLimit else {
                return fail("its error is longer than \(errorLimit) bytes")
            }
            state = .body(type: type, length: length)
            return nil
        default:
            return fail("it sent a frame that no executor sends")
        }
    }

    private mutating func fail(_ reason: String) -> Event {
        state = .failed
        buffer.clear()
        return .violation(reason)
    }
}
