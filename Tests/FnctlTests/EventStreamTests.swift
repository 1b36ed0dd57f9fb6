import Testing

@testable import fnctl

/// Server-sent events, as the HTML standard has them.
@Suite struct EventStreamTests {
    typealias Event = EventStreamParser.Event

    private func parse(_ text: String, chunk: Int = .max) throws -> [Event] {
        var parser = EventStreamParser()
        var rest = Array(text.utf8)[...]
        var events: [Event] = []
        while !rest.isEmpty {
            events += try parser.feed(rest.prefix(chunk))
            rest = rest.dropFirst(chunk)
        }
        return events
    }

    @Test(arguments: [1, 2, 3, 5, 7, 1000])
    func `events are the same however the bytes are cut and the lines end`(_ chunk: Int) throws {
        let lines = [
            "\u{FEFF}event: line", "data: {\"text\": \"日本 🎉\"}", "", ": a comment", "",
            "data:one", "data: two", "data:", "", "event: end", "data", "", "event: lost", "",
            "data:  x", "", "data: dropped, since no blank line follows",
        ]
        for end in ["\n", "\r", "\r\n"] {
            #expect(
                try parse(lines.map { $0 + end }.joined(), chunk: chunk) == [
                    Event(type: "line", data: "{\"text\": \"日本 🎉\"}"),
                    Event(type: "message", data: "one\ntwo\n"), Event(type: "end", data: ""),
                    Event(type: "message", data: " x"),
                ])
        }
    }

    @Test func `an id stays until there is another, and one with a zero is none`() throws {
        let events = try parse("id: 7\ndata: a\n\ndata: b\n\nid: 8\0\ndata: c\n\nid\ndata: d\n\n")
        #expect(events.map(\.lastEventID) == ["7", "7", "7", ""])
    }

    @Test func `the pause before connecting again is a whole number of milliseconds`() throws {
        var parser = EventStreamParser()
        _ = try parser.feed(Array("retry: 2500\nretry: 3s\nretry: -1\nretry:\n".utf8))
        #expect(parser.retryMs == 2500)
        _ = try parser.feed(Array("retry: 99999999999999999999\n".utf8))
        #expect(parser.retryMs == 2500)
    }

    @Test func `what is not UTF-8 and what has no meaning does no harm`() throws {
        var parser = EventStreamParser()
        let bytes = Array("colour: red\ndatax: 1\ndata: a".utf8) + [0xFF, 0x0A, 0x0A]
        #expect(try parser.feed(bytes) == [Event(type: "message", data: "a\u{FFFD}")])
    }

    @Test func `an event without end does not fill the memory`() throws {
        var parser = EventStreamParser(maxEventBytes: 100)
        let line = Array("data: 0123456789\n\n".utf8)
        for _ in 0..<100 { _ = try parser.feed(line) }
        #expect(throws: EventStreamParser.TooLong.self) {
            for _ in 0..<100 { _ = try parser.feed(line.dropLast()) }
        }
        var other = EventStreamParser(maxEventBytes: 100)
        #expect(throws: EventStreamParser.TooLong.self) {
            _ = try other.feed(Array(repeating: 0x61, count: 101))
        }
    }
}
