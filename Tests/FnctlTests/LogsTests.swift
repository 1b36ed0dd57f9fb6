import Foundation
import Testing

@testable import fnctl

/// `fnctl logs` of what is stored.
@Suite struct LogsTests {
    private static let lines = """
        {"lines":[\(LineText.with(#"two\u001b[2J\nthree"#, #","level":"error","attempt":2"#)),
        \(LineText.with("one"))],"truncated":true}
        """

    @Test func `a function's lines are the newest, the oldest first, with their calls' ids`()
        async throws
    {
        try await StubServer.run(answering: .init(body: Self.lines)) { server in
            let (status, output, errors) = await fnctlRun("logs", "f", "--endpoint", server.url)
            #expect(status == .completed, "\(errors)")
            #expect(server.requests.map(\.uri) == ["/v1/logs?function=f&limit=100"])
            let prefix = "2026-01-31 09:15:02.123  QJCB4  ".replacing("QJCB4", with: "PQJCB4")
            #expect(
                output == """
                    \(prefix)stdout  one
                    \(prefix)attempt 2  stdout  error  two\\u{1b}[2J\\u{a}three

                    """, "\(output)")
        }
    }

    @Test func `filters are sent, with times as the API has them`() async throws {
        try await StubServer.run(answering: .init(body: #"{"lines":[]}"#)) { server in
            let (status, output, errors) = await fnctlRun(
                "logs", "123", "--call", CallText.id, "--level", "warn", "--text", "a&b c",
                "--since", "2026-01-31T10:00:00+01:00", "--until", "2026-01-31T09:30:00.5Z",
                "--limit", "7", "--endpoint", server.url)
            #expect(status == .completed && output.isEmpty)
            #expect(errors == "there are no such lines\n", "\(errors)")
            #expect(
                server.requests.first?.uri
                    == "/v1/logs?function=123&call=\(CallText.id)&level=warn&text=a%26b%20c"
                    + "&since=2026-01-31T09%3A00%3A00.000Z&until=2026-01-31T09%3A30%3A00.500Z"
                    + "&limit=7")
        }
    }

    @Test func `a call's lines are printed in order, and through filters when there are any`()
        async throws
    {
        try await StubServer.run(answering: .init(body: Self.lines)) { server in
            let (_, output, errors) = await fnctlRun("logs", CallText.id, "--endpoint", server.url)
            #expect(output.hasPrefix("09:15:02.123  attempt 2  stdout  error  two"), "\(output)")
            #expect(errors == "the call wrote more than is kept; the rest is lost\n")
            let filtered = await fnctlRun(
                "logs", CallText.id, "--level", "error", "--endpoint", server.url)
            #expect(filtered.output.hasPrefix("09:15:02.123  stdout  one\n"))
            #expect(
                server.requests.map(\.uri) == [
                    "/v1/calls/\(CallText.id)/logs",
                    "/v1/logs?call=\(CallText.id)&level=error&limit=1000",
                ])
        }
    }

    @Test(arguments: ["f", CallText.id])
    func `for a program each line is a JSON object on a line`(_ what: String) async throws {
        try await StubServer.run(answering: .init(body: Self.lines)) { server in
            let (_, output, _) = await fnctlRun(
                "logs", what, "--output", "json", "--endpoint", server.url, isTerminal: true)
            let lines = output.split(separator: "\n")
            #expect(lines.count == 2 && !output.contains("\u{1B}"))
            let texts = Set(try lines.map { try json(String($0))["text"]?.stringValue })
            #expect(texts == ["one", "two\u{1B}[2J\nthree"])
        }
    }

    @Test func `levels and streams are coloured`() throws {
        let console = RecordedConsole().console(usesColour: true)
        let line = LogLine(
            time: "2026-01-31T09:15:02.123Z", call: CallText.id, function: "f", attempt: nil,
            stream: "stderr\u{7}", level: "fatal\u{7}", text: "t")
        let text = LogLineText.text(
            line, console, namesCall: true,
            now: try #require(Format.date("2026-01-31T23:00:00Z")))
        #expect(
            text == "\u{1B}[2m09:15:02.123\u{1B}[0m  \u{1B}[2mPQJCB4\u{1B}[0m  "
                + "\u{1B}[2mstderr\\u{7}\u{1B}[0m  \u{1B}[2mfatal\\u{7}\u{1B}[0m  t")
    }

    @Test(arguments: [
        (["logs", "a.b"], "is neither a call's id"),
        (["logs", CallText.id, "--call", CallText.id], "--call goes with a function's name"),
        (["logs", "f", "--limit", "0"], "from 1 to 100000"),
        (["logs", "f", "--follow", "--since", "1h"], "leave out --since"),
        (["logs", "f", "--follow", "--until", "1h"], "leave out --until"),
        (["logs", "f", "--since", "1h", "--until", "2h"], "--since is after --until"),
        (["logs", "f", "--since", "yesterday"], "--since"),
        (["logs", "f", "--level", "loud"], "--level"),
    ])
    func `wrong usage is explained`(_ arguments: [String], _ reason: String) async {
        let (status, _, errors) = await fnctlRun(arguments)
        #expect(status == .usage && errors.contains(reason), "\(errors)")
    }

    @Test func `times are absolute or relative`() throws {
        let now = try #require(Format.date("2026-01-31T12:00:00Z"))
        for (text, time) in [
            ("90s", "2026-01-31T11:58:30.000Z"), ("2h", "2026-01-31T10:00:00.000Z"),
            ("1d", "2026-01-30T12:00:00.000Z"),
            ("2026-01-31T09:15:02.123Z", "2026-01-31T09:15:02.123Z"),
        ] {
            #expect(PointInTime(text, now: now).map { Format.rfc3339($0.date) } == time)
        }
        for text in ["", "10", "-1h", "2026-01-31", "noon"] {
            #expect(PointInTime(text, now: now) == nil, "\(text)")
        }
    }

    @Test func `names and ids are told apart`() throws {
        #expect(try CallReference(CallText.id) == .call(CallText.id))
        for name in ["123", "f", "01m7yvqdaaa2rgq724gqpqjcb4", "a-b_c", "Hello", "-X"] {
            #expect(try CallReference(name) == .function(name))
        }
        for text in ["", "a.b", "a b", "é", String(repeating: "a", count: 65)] {
            #expect(throws: Failure.self) { try CallReference(text) }
        }
    }
}
