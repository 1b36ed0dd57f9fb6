import FunctionRegistry
import NIOCore

/// News as the events of a stream (html.spec.whatwg.org/multipage/server-sent-events.html). Each event is
/// written once, however many want it.
struct LogNewsText {
    private let news: LogHub.News
    /// Of the lines, those that were asked for.
    private var written: [ByteBuffer?]

    init(_ news: LogHub.News) {
        self.news = news
        if case .printed(let lines, _, _, _) = news {
            written = Array(repeating: nil, count: lines.count)
        } else {
            written = []
        }
    }

    static let beginning = ByteBuffer(string: ": following\n\n")
    /// Nothing happened for a while; keeps the connection open, and notices that it is not.
    static let heartbeat = ByteBuffer(string: ": nothing new\n\n")

    static func lost(_ events: Int) -> ByteBuffer {
        ByteBuffer(string: "event: lost\ndata: {\"events\":\(events)}\n\n")
    }

    /// The events that match a filter, and how many they are; `nil` when none does.
    mutating func matching(_ filter: LogFilter) -> (bytes: ByteBuffer, events: Int)? {
        switch news {
        case .ended(let end):
            guard filter.isOf(end.function, end.call) else { return nil }
            return (Self.text(end), 1)
        case .printed(let lines, let call, let function, let attempt):
            guard filter.isOf(function, call) else { return nil }
            var bytes = ByteBuffer()
            var events = 0
            for (index, line) in lines.enumerated() where filter.matches(line) {
                let text =
                    written[index]
                    ?? Self.text(
                        FoundLine(call: call, function: function, attempt: attempt, line: line))
                written[index] = text
                bytes.writeImmutableBuffer(text)
                events += 1
            }
            return events == 0 ? nil : (bytes, events)
        }
    }

    private static func text(_ line: FoundLine) -> ByteBuffer {
        ByteBuffer(string: "event: line\ndata: \(LogLineText.json(line))\n\n")
    }

    private static func text(_ end: LogHub.AttemptEnd) -> ByteBuffer {
        ByteBuffer(
            string: "event: end\ndata: {\"call\":\"\(end.call)\",\"function\":\"\(end.function)\","
                + "\"state\":\"\(end.state)\""
                + (end.cause.map { ",\"cause\":\"\($0)\"" } ?? "") + "}\n\n")
    }
}

extension LogFilter {
    fileprivate func isOf(_ function: String, _ call: String) -> Bool {
        (self.function ?? function) == function && (self.call ?? call) == call
    }
}
