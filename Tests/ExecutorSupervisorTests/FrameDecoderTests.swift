import NIOCore
import Testing

@testable import ExecutorSupervisor

@Suite struct FrameDecoderTests {
    /// All events of a stream that arrives in pieces of a size.
    private func events(_ bytes: [UInt8], pieces: Int, limit: Int = 100) -> [FrameDecoder.Event] {
        var decoder = FrameDecoder(resultLimit: limit)
        var found: [FrameDecoder.Event] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(pieces)
            rest = rest.dropFirst(pieces)
            _ = decoder.receive { $0.writeBytes(piece) }
            while let event = decoder.next() { found.append(event) }
        }
        return found
    }

    private func frame(
        _ type: Character, _ body: String = "", stream: UInt8 = 0, number: UInt8 = 0,
        length: Int? = nil
    ) -> [UInt8] {
        let count = UInt32(length ?? body.utf8.count)
        return [type.asciiValue ?? 0, stream, number, 0]
            + (0..<4).map { UInt8(truncatingIfNeeded: count >> ($0 * 8)) } + body.utf8
    }

    @Test(arguments: [1, 3, 8, 1000])
    func `frames are read however they are cut`(_ pieces: Int) {
        let stream =
            frame("P") + frame("L", "hello", stream: 1) + frame("L", stream: 2) + frame("R", "[1]")
        let found = events(stream, pieces: pieces)
        #expect(found.first == .parked)
        #expect(found.last == .result(ByteBuffer(string: "[1]")))
        let logged = found.reduce(into: "") { text, event in
            if case .log(1, let bytes) = event { text += String(buffer: bytes) }
        }
        #expect(logged == "hello")
    }

    @Test func `anything after an answer is a violation`() {
        #expect(
            events(frame("R", "1") + frame("R", "2"), pieces: 1000).last
                == .violation("it sent more after its answer"))
        #expect(
            events(frame("E", "{}") + [0], pieces: 1000).last
                == .violation("it sent more after its answer"))
    }

    @Test func `a result that is too long is not waited for`() {
        #expect(events(frame("R", length: 101), pieces: 1000) == [.tooLarge(bytes: 101)])
        #expect(events(frame("R", String(repeating: "1", count: 100)), pieces: 7).count == 1)
    }

    @Test func `pieces of a streamed result are told from output`() {
        let found = events(
            frame("L", "a", stream: 3) + frame("L", "b", stream: 1) + frame("R", "null"),
            pieces: 1000)
        #expect(
            found == [
                .log(stream: 3, ByteBuffer(string: "a")), .log(stream: 1, ByteBuffer(string: "b")),
                .result(ByteBuffer(string: "null")),
            ])
    }

    @Test func `frames that no executor sends are violations, and nothing after them is read`() {
        for bad in [
            frame("X"), frame("P", "1"), frame("P", stream: 1), frame("L", "x", stream: 4),
            frame("L", "x"),
            frame("R", "1", stream: 1), frame("R", "1", number: 1), frame("P", number: 1),
            frame("E", length: 1 << 30),
        ] {
            let found = events(bad + frame("R", "1"), pieces: 1000)
            #expect(found.count == 1)
            guard case .violation = found.first else {
                Issue.record("no violation: \(found)")
                continue
            }
        }
    }

    @Test func `a frame that is cut short gives nothing`() {
        #expect(events(Array(frame("R", "12345").dropLast()), pieces: 2).isEmpty)
        #expect(events(Array(frame("P").dropLast()), pieces: 2).isEmpty)
    }
}
