import NIOCore
import Testing

@testable import ExecutorSupervisor

@Suite struct CallLogTests {
    private func lines(_ pieces: [(String, LogLine.Stream, Bool)], limit: Int = 1000) -> (
        CallLog, [String]
    ) {
        var log = CallLog(limit: limit)
        for (index, (text, stream, isRaw)) in pieces.enumerated() {
            log.append(
                ByteBuffer(string: text).readableBytesView, to: stream, isRaw: isRaw,
                nowMs: Int64(index))
        }
        log.finish()
        return (log, log.lines.map { "\($0.timeMs) \($0.stream.rawValue) \($0.text)" })
    }

    @Test func `pieces make lines, each with the time of its first byte`() {
        let (_, lines) = lines([
            ("a", .stdout, false), ("b\nc", .stdout, false), ("e\n", .stderr, false),
            ("d\r\n", .stdout, false),
        ])
        #expect(lines == ["0 stdout ab", "2 stderr e", "1 stdout cd"])
    }

    @Test func `an unfinished line does not go on with bytes written to the descriptor`() {
        let (_, lines) = lines([("no end", .stdout, false), ("raw\n", .stdout, true)])
        #expect(lines == ["1 stdout raw", "0 stdout no end"])
    }

    @Test func `bytes beyond the limit are counted and dropped`() {
        let (log, lines) = lines(
            [("12345\n", .stdout, false), ("67890\n", .stdout, false), ("more\n", .stderr, false)],
            limit: 8)
        #expect(lines == ["0 stdout 12345", "1 stdout 67"])
        #expect(log.totalBytes == 17)
        #expect(log.isTruncated)
    }

    @Test func `empty lines cannot fill the memory`() {
        let (log, lines) = lines(
            [(String(repeating: "\n", count: 100_000), .stdout, false), ("x\n", .stdout, false)],
            limit: 1 << 20)
        #expect(lines.count == 10_000)
        #expect(log.isTruncated)
        #expect(log.totalBytes == 100_002)
    }

    @Test func `lines are handed out once, as they close`() {
        var log = CallLog(limit: 100)
        func append(_ text: String) -> [String] {
            log.append(
                ByteBuffer(string: text).readableBytesView, to: .stdout, isRaw: false, nowMs: 0)
            return log.takeNew().map(\.text)
        }
        #expect(append("a") == [])
        #expect(append("b\nc\nd") == ["ab", "c"])
        #expect(log.takeNew() == [])
        log.finish()
        #expect(log.takeNew().map(\.text) == ["d"])
        #expect(log.lines.map(\.text) == ["ab", "c", "d"])
    }

    @Test func `bytes that are not UTF-8 are replaced`() {
        var log = CallLog(limit: 100)
        log.append(
            ByteBuffer(bytes: [0x61, 0xff, 0x0a]).readableBytesView, to: .stdout, isRaw: true,
            nowMs: 0)
        #expect(log.lines.map(\.text) == ["a\u{fffd}"])
    }

    @Test(arguments: [
        ("plain", #""plain""#), ("a\"b\\c", #""a\"b\\c""#), ("\n\u{1}", #""\u000a\u0001""#),
        ("gr\u{fc}n \u{1f600}", "\"gr\u{fc}n \u{1f600}\""),
    ])
    func `a string goes into JSON`(_ text: String, _ expected: String) {
        var json = ""
        JSONText.append(text, to: &json)
        #expect(json == expected)
    }
}
