import Logging
import NIOCore
import NIOHTTP1
import Synchronization
import Testing

@testable import Evaluator

/// What is decided at the edge without a connection.
struct EdgePolicyTests {
    @Test func `an authority is a host and a port, and this machine's own or not`() {
        for text in [
            "127.0.0.1", "127.1.2.3:65535", "LocalHost", "localhost.:1", "[::1]",
            "[::FFFF:127.0.0.1]:2",
        ] {
            #expect(Authority(text)?.isThisMachine == true, "\(text)")
        }
        for text in [
            "a", "127.0.0.1.a", "127.a", "[::]", "[::101]", "128.0.0.1", "127.0.0",
            "[::ffff:1.0.0.127]",
        ] {
            #expect(Authority(text)?.isThisMachine == false, "\(text)")
        }
        for text in [
            "", ":1", "a@b", "[]", "[::1]a", "[::1]:a", "a:-1", "a:000001", "a b", "é", "a\0",
            "[::1\0]",
        ] {
            #expect(Authority(text) == nil, "\(text)")
        }
        #expect(Authority("[::1]:90")?.port == 90 && Authority("a:")?.port == nil)
        #expect(!ThisMachine.has(host: "0.0.0.0") && ThisMachine.has(host: "::1"))
    }

    private enum Step {
        case received(Int)
        case answered
        case asked
    }

    /// Whether the time was up each time that it was asked for.
    private func pace(_ steps: [(second: Int64, step: Step)]) -> [Bool] {
        let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
        var pace = RequestPace(grace: .seconds(60), at: start)
        var answers: [Bool] = []
        for (second, step) in steps {
            let now = start + .seconds(second)
            switch step {
            case .received(let bytes): pace.received(bytes)
            case .answered: pace.answered(at: now)
            case .asked: answers.append(pace.isOver(at: now))
            }
        }
        return answers
    }

    @Test func `time is gained by bytes, and never more than there was at first`() {
        #expect(pace([(59, .asked), (60, .asked)]) == [false, true])
        // Two bytes are worth a fifth of a millisecond.
        #expect(pace([(1, .received(2)), (60, .asked), (61, .asked)]) == [false, true])
        let steady = stride(from: Int64(10), through: 3000, by: 10).flatMap {
            [($0, Step.received(100_000)), ($0, Step.asked)]
        }
        #expect(pace(steady).allSatisfy { !$0 })
        #expect(pace([(1, .received(70 << 20)), (60, .asked), (120, .asked)]) == [false, true])
        // What is left after the answer gains nothing.
        let answered = pace([
            (1, .answered), (2, .received(1 << 20)), (30, .asked), (31, .asked),
        ])
        #expect(answered == [false, true])
    }

    @Test func `the reader that has left its answer the longest is ended first`() {
        let ended = Mutex<[Int]>([])
        let answers = UnreadAnswers(most: 100)
        let accounts = (0..<4).map { index in
            answers.account { ended.withLock { $0.append(index) } }
        }
        for account in accounts[..<3] { account.add(30) }
        accounts[0].remove(30)
        accounts[0].add(30)
        #expect(answers.bytes == 90 && ended.withLock { $0 } == [])
        accounts[3].add(30)
        #expect(ended.withLock { $0 } == [1] && answers.bytes == 90)
        // What an ended one says counts no more.
        accounts[1].remove(30)
        accounts[1].add(1000)
        #expect(answers.bytes == 90)
        for account in accounts { account.close() }
        #expect(answers.bytes == 0 && ended.withLock { $0 } == [1])
    }

    /// What becomes of an answer whose body comes in pieces of these sizes.
    private func framed(
        _ status: Int, _ headers: HTTPHeaders, _ pieces: [Int], isHead: Bool = false,
        isOld: Bool = false
    ) -> (headers: HTTPHeaders, sent: Int, isLast: Bool) {
        var head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: status), headers: headers)
        var framing = AnswerFraming(&head, to: .init(isHead: isHead, isOld: isOld))
        var sent = 0
        for piece in pieces where framing.admits(piece) { sent += piece }
        framing.end()
        return (head.headers, sent, framing.isLast)
    }

    @Test func `an answer is framed by what was asked`() {
        let both: HTTPHeaders = ["Content-Length": "3", "Transfer-Encoding": "chunked"]
        var answer = framed(200, both, [2, 1])
        #expect(answer.headers["Content-Length"] == ["3"] && answer.sent == 3 && !answer.isLast)
        #expect(answer.headers["Transfer-Encoding"] == [])
        // Too long and too short: the connection is of no more use.
        answer = framed(200, both, [2, 2])
        #expect(answer.sent == 2 && answer.isLast)
        answer = framed(200, both, [2])
        #expect(answer.sent == 2 && answer.isLast)
        answer = framed(200, [:], [9, 9])
        #expect(
            answer.headers["Transfer-Encoding"] == ["chunked"] && answer.sent == 18
                && !answer.isLast)
        answer = framed(200, [:], [9], isOld: true)
        #expect(answer.headers["Transfer-Encoding"] == [] && answer.sent == 9 && answer.isLast)
        #expect(answer.headers["Connection"] == ["close"])
        answer = framed(200, both, [3], isHead: true)
        #expect(answer.headers["Content-Length"] == ["3"] && answer.sent == 0 && !answer.isLast)
        for status in [204, 304] {
            answer = framed(status, both, [3])
            #expect(answer.headers["Content-Length"] == [] && answer.sent == 0 && !answer.isLast)
            #expect(answer.headers["Transfer-Encoding"] == [])
        }
        for status in [100, 101, 199, 600] {
            answer = framed(status, both, [3])
            #expect(answer.headers["Content-Length"] == ["0"] && answer.sent == 0)
        }
        answer = framed(200, ["Connection": "close"], [])
        #expect(answer.isLast)
    }

    @Test func `cells have their files first, and some connections are possible in any case`() {
        #expect(OpenFiles.connections(4096, files: 1 << 20, places: 72) == 4096)
        #expect(OpenFiles.connections(4096, files: 1024, places: 72) == 176)
        #expect(OpenFiles.connections(4096, files: 256, places: 72) == 32)
        #expect(OpenFiles.connections(8, files: 256, places: 72) == 8)
    }

    @Test func `what is logged is one line, and nothing that a terminal obeys`() {
        let lines = Mutex<[LogEvent]>([])
        struct Recorder: LogHandler {
            let lines: @Sendable (LogEvent) -> Void
            var metadata: Logger.Metadata = [:]
            var logLevel = Logger.Level.trace
            var metadataProvider: Logger.MetadataProvider?
            subscript(metadataKey key: String) -> Logger.Metadata.Value? {
                get { metadata[key] }
                set { metadata[key] = newValue }
            }
            func log(event: LogEvent) { lines(event) }
        }
        var logger = Logger(label: "test") { _ in
            EscapingLogHandler(Recorder(lines: { event in lines.withLock { $0.append(event) } }))
        }
        logger[metadataKey: "always"] = "a\u{1B}b"
        let text = "x\n2026 critical \u{1B}[31m\u{9B}1m\u{202E}\u{2028}é\r\0"
        logger.error(
            "\(text)", metadata: ["k\n": "\(text)", "list": ["\(text)", ["d\n": "\(text)"]]])
        let event = lines.withLock { $0[0] }
        let all = "\(event.message) \(event.metadata ?? [:]) \(logger[metadataKey: "always"] ?? "")"
        #expect(all.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control })
        #expect(!all.contains("\u{202E}") && !all.contains("\u{2028}") && all.contains("é"))
        #expect("\(event.message)".hasPrefix(#"x\n2026 critical \u{1B}[31m"#))
    }

    private func fault(_ text: String) -> JSONFault? {
        do throws(JSONFault) {
            _ = try JSONValue(text: text)
            return nil
        } catch {
            return error
        }
    }

    @Test func `JSON that no text can hold is refused with its place`() throws {
        for text in [
            #""\ud800""#, #"{"a": "\udc00"}"#, #"["\ud800x"]"#, #""\ud800\n""#, #""\ud800\ud800""#,
            #""\uD8"#, "1e999", "[1e999]",
        ] {
            #expect(fault(text) != nil, "\(text)")
        }
        let value = try JSONValue(text: #""\ud83d\uDE00\u00e9""#)
        #expect(value == .string("😀é"))
        let place = JSONFault(
            line: 1, column: 9, reason: "an escape stands for half of a surrogate pair")
        #expect(fault(#"["\ud800"]"#) == place)
        // As bytes that are handed on they are JSON.
        try Array(#""\ud800""#.utf8).withUnsafeBytes { try JSONValidator.check($0) }
    }
}
