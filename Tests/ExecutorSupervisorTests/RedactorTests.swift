import NIOCore
import Testing

@testable import ExecutorSupervisor

@Suite struct RedactorTests {
    private static let secret = "hunter2-hunter2"

    @Test(arguments: [
        ("nothing here", "nothing here"),
        ("hunter2-hunter2", "[redacted]"),
        ("a hunter2-hunter2 b hunter2-hunter2", "a [redacted] b [redacted]"),
        // Overlapping: all of both goes.
        ("hunter2-hunter2-hunter2", "[redacted]"),
        ("hunter2-hunter", "hunter2-hunter"),
        ("gr\u{fc}n hunter2-hunter2 \u{1f600}", "gr\u{fc}n [redacted] \u{1f600}"),
    ])
    func `a secret is replaced wherever it stands`(_ text: String, _ expected: String) {
        #expect(Redactor([Self.secret]).redact(text) == expected)
    }

    @Test func `of secrets that begin alike the longest is replaced`() {
        let redactor = Redactor(["password", "password-long", "ssword-l"])
        #expect(
            redactor.redact("password-long, password, passwords")
                == "[redacted], [redacted], [redacted]s")
        #expect(redactor.redact("a password-lo") == "a [redacted]o")
    }

    @Test func `each line of a secret counts, and short ones do not`() {
        let redactor = Redactor(["-----BEGIN-----\nc2VjcmV0\nend\n"])
        #expect(redactor.redact("-----BEGIN-----\nc2VjcmV0\nend\n") == "[redacted]")
        #expect(redactor.redact("x c2VjcmV0 end") == "x [redacted] end")
        #expect(Redactor(["short"]).isEmpty)
        #expect(Redactor(["a\nb"]).isEmpty)
    }

    @Test func `the forms that JSON gives a secret are replaced`() {
        let redactor = Redactor(["say \"gr\u{fc}n\"\n\u{1f600}"])
        #expect(
            redactor.redact(#"{"a": "say \"gr\u00fcn\"\n\ud83d\ude00"}"#) == #"{"a": "[redacted]"}"#
        )
        #expect(
            redactor.redact("{\"a\":\"say \\\"gr\u{fc}n\\\"\\n\u{1f600}\"}")
                == #"{"a":"[redacted]"}"#)
    }

    @Test func `where a text was cut, the beginning of a secret goes as well`() {
        let redactor = Redactor([Self.secret])
        #expect(redactor.redact("it is hunter2-hu", cutFrom: 1) == "it is [redacted]")
        #expect(redactor.redact("it is hunter2-hu") == "it is hunter2-hu")
        #expect(redactor.redact("it is", cutFrom: 1) == "it is")
    }

    @Test func `a long text of near misses takes no long time`() {
        let secrets = (0..<400).map { "aaaaaaaa\($0)" }
        let text = String(repeating: "a", count: 256 * 1024)
        let redactor = Redactor(secrets)
        var result = ""
        let elapsed = ContinuousClock().measure { result = redactor.redact(text) }
        #expect(result == text)
        // Some 0.1 s here; looking at each place for each secret would take minutes.
        #expect(elapsed < .seconds(10))
    }

    @Test func `a failure is redacted in all its texts`() {
        let failure = CallFailure(
            cause: .handlerError, message: "no \(Self.secret)", errorType: Self.secret,
            stack: ["at \(Self.secret)", "b"])
        let clean = Redactor([Self.secret]).redact(failure)
        #expect(clean.message == "no [redacted]")
        #expect(clean.errorType == "[redacted]")
        #expect(clean.stack == ["at [redacted]", "b"])
        #expect(Redactor([]).redact(failure) == failure)
    }

    @Test func `an error that is cut keeps no part of a secret`() throws {
        let head = String(repeating: "x", count: 8185)
        let json = #"{"kind":"handler","type":"E","message":"\#(head)hunter2-hunter2","stack":[]}"#
        let error = CellError(ByteBuffer(string: json), redactor: Redactor([Self.secret]))
        #expect(try #require(error).message == head + "[redact")
        let cut = #"{"kind":"handler","type":"E","message":"\#(head)hunter2","stack":[]}"#
        let half = CellError(ByteBuffer(string: cut), redactor: Redactor([Self.secret]))
        #expect(try #require(half).message == head + "[redact")
    }

    // MARK: logs

    private func log(_ pieces: [String], limit: Int = 1 << 20) -> [String] {
        var log = CallLog(limit: limit)
        let redactor = Redactor([Self.secret, "first line\nsecond line"])
        for piece in pieces {
            log.append(
                ByteBuffer(string: piece).readableBytesView, to: .stdout, isRaw: false, nowMs: 0,
                redactor: redactor)
        }
        log.finish(redactor: redactor)
        return log.lines.map(\.text)
    }

    @Test func `a secret that is printed in pieces or over lines is found`() {
        #expect(
            log(["key hunt", "er2-hunter", "2\n", "more hunter2-", "hunter2"]) == [
                "key [redacted]", "more [redacted]",
            ])
        #expect(
            log(["first line\nsecond line\nthird line\n"]) == [
                "[redacted]", "[redacted]", "third line",
            ])
        let long = String(repeating: "x", count: 200_000)
        #expect(log([long, "hunter2-", "hunter2", long, "\n"]) == [long + "[redacted]" + long])
    }

    @Test func `a secret that the log's limit cuts off leaves nothing`() {
        #expect(log(["key hunter2-hunter2\n"], limit: 12) == ["key [redacted]"])
    }
}
