/// Reads a stream of server-sent events, as the HTML standard has it
/// (https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation).
struct EventStreamParser {
    struct Event: Sendable, Equatable {
        /// What `event:` said, else `message`.
        var type: String
        var data: String
        /// What the latest `id:` said, in this event or before.
        var lastEventID = ""
    }

    /// A stream whose events have no end in sight.
    struct TooLong: Error, Sendable {}

    /// How long the server asks to wait before connecting again, once it has.
    private(set) var retryMs: Int?

    /// Most bytes of an event: a wrong server must not fill the memory.
    private let maxEventBytes: Int
    private var line: [UInt8] = []
    private var isFirstLine = true
    private var endedByReturn = false
    private var type = ""
    private var data: [UInt8] = []
    private var lastEventID = ""

    init(maxEventBytes: Int = 16 * 1_048_576) {
        self.maxEventBytes = maxEventBytes
    }

    /// Takes bytes as they come, however they are cut; returns the events that they complete.
    /// What is incomplete when the stream ends is dropped, as the standard says.
    mutating func feed(_ bytes: some Sequence<UInt8>) throws(TooLong) -> [Event] {
        var events: [Event] = []
        for byte in bytes {
            let isSecondOfPair = endedByReturn && byte == UInt8(ascii: "\n")
            endedByReturn = byte == UInt8(ascii: "\r")
            if isSecondOfPair { continue }
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                if let event = endLine() { events.append(event) }
            } else {
                guard line.count + data.count < maxEventBytes else { throw TooLong() }
                line.append(byte)
            }
        }
        return events
    }

    private mutating func endLine() -> Event? {
        var line = line[...]
        defer { self.line.removeAll(keepingCapacity: true) }
        if isFirstLine {
            isFirstLine = false
            // A byte order mark.
            if line.starts(with: [0xEF, 0xBB, 0xBF]) { line = line.dropFirst(3) }
        }
        if line.isEmpty { return dispatch() }
        let name = line.prefix { $0 != UInt8(ascii: ":") }
        var value = line.dropFirst(name.count + 1)
        if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
        switch String(decoding: name, as: UTF8.self) {
        case "event": type = String(decoding: value, as: UTF8.self)
        case "data": data += value + [UInt8(ascii: "\n")]
        case "id" where !value.contains(0): lastEventID = String(decoding: value, as: UTF8.self)
        case "retry" where value.allSatisfy({ (0x30...0x39).contains($0) }):
            retryMs = Int(String(decoding: value, as: UTF8.self)) ?? retryMs
        // Of a comment the name is empty; other fields mean nothing.
        default: break
        }
        return nil
    }

    private mutating func dispatch() -> Event? {
        defer {
            type = ""
            data = []
        }
        if data.isEmpty { return nil }
        return Event(
            type: type.isEmpty ? "message" : type,
            data: String(decoding: data.dropLast(), as: UTF8.self), lastEventID: lastEventID)
    }
}
