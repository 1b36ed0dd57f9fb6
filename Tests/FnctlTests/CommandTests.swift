import Foundation
import Testing

@testable import fnctl

/// Commands against a server that answers as the API's documentation says.
@Suite struct CommandTests {
    private static let function = """
        {"name":"hello","version":2,"runtime":"python","handler":"index.handler","codeSha256":"5f","codeBytes":112,
        "timeoutMs":3000,"memoryMB":128,"tmpMB":16,"createdAt":"2026-01-31T09:15:02.123Z"}
        """

    @Test func helpNamesTheCommandsAndTheEndpoint() async {
        let (status, output, _) = await fnctlRun("--help")
        #expect(status == .completed)
        for word in [
            "register", "invoke", "list", "show", "delete", "calls", "call", "result", "why",
            "logs", "cancel", "replay", "test", "doctor",
            "CLOISTER_ENDPOINT", "http://127.0.0.1:8080", "--generate-completion-script",
            "Exit status",
        ] { #expect(output.contains(word), "\(word)") }
    }

    @Test(arguments: [
        ["frobnicate"], ["register", "x"], ["invoke"], ["list", "--output", "xml"],
        ["calls", "--limit", "0"],
        ["register", "x", "y", "--env", "A"], ["show", "x", "--version", "1", "--versions"],
        ["list", "--endpoint", "localhost:80"], ["invoke", "x", "--data", "{"],
        ["register", "x", "/no/such/file"],
        ["test", "/no/such/folder"],
    ])
    func wrongUsageExitsWithTwo(arguments: [String]) async {
        let (status, output, errors) = await fnctlRun(arguments)
        #expect(status.rawValue == 2)
        #expect(output.isEmpty)
        #expect(!errors.isEmpty)
    }

    @Test(arguments: [
        ["--endpoint", "", "list", "-o", "json"], ["--endpoint=", "-o", "json", "list"],
        ["-o", "json", "list", "--endpoint", ""], ["list", "--output", "json", "--endpoint", ""],
    ])
    func `options of every command go before its name as well as after it`(
        _ arguments: [String]
    ) async throws {
        try await StubServer.run(answering: .init(body: #"{"functions": []}"#)) { server in
            let (status, output, errors) = await fnctlRun(
                arguments.map { $0 == "" || $0 == "--endpoint=" ? $0 + server.url : $0 })
            #expect(status == .completed, "\(errors)")
            #expect(output.hasPrefix("{\"functions\""))
        }
    }

    @Test func aCompletionScriptIsNoFailure() async {
        let (status, output, _) = await fnctlRun("--generate-completion-script", "bash")
        #expect(status == .completed)
        #expect(output.contains("fnctl"))
    }

    @Test func anEvaluatorThatIsNotThereExitsWithThree() async throws {
        // A server that is gone again: nobody else listens at its port.
        let url = try await StubServer.run(answering: .init()) { $0.url }
        let (status, _, errors) = await fnctlRun("doctor", "--endpoint", url)
        #expect(status.rawValue == 3)
        #expect(
            errors
                == "fnctl: cannot reach the evaluator at \(url): connection refused; start it, or name another with --endpoint or CLOISTER_ENDPOINT\n"
        )
    }

    @Test func theResultIsPrintedRawToAProgramAndPrettyToAPerson() async throws {
        try await StubServer.run(answering: .init(body: #"{"a": [1.0]}"#)) { server in
            let raw = await fnctlRun(
                "invoke", "hello", "--data", "[1]", "--version", "2", "--endpoint", server.url)
            #expect(raw.output == "{\"a\": [1.0]}\n")
            #expect(server.requests.first?.uri == "/v1/functions/hello/invoke?version=2")
            #expect(server.requests.first?.body == "[1]")
            let pretty = await fnctlRun(
                "invoke", "hello", "--endpoint", server.url, isTerminal: true)
            #expect(pretty.output == "{\n  \"a\": [\n    1.0\n  ]\n}\n")
            #expect(server.requests.last?.body == "")
        }
    }

    @Test func aFailureIsExplainedOnStandardError() async throws {
        let problem = """
            {"title":"the function failed","status":502,"detail":"ValueError: no","callId":"01K","state":"failed",
            "cause":"handler_error","message":"no","stack":["File \\"/function/index.py\\", line 7\\u001b[2J"]}
            """
        let headers = [
            ("Cloister-Call-Id", "01K"), ("Cloister-Call-State", "failed"),
            ("Cloister-Run-Ms", "0.5"),
        ]
        try await StubServer.run(answering: .problem(502, problem, headers: headers)) { server in
            let (status, output, errors) = await fnctlRun(
                "invoke", "hello", "--endpoint", server.url)
            #expect(status.rawValue == 1)
            #expect(output.isEmpty)
            #expect(
                errors == """
                    fnctl: hello failed (handler_error): ValueError: no
                      File "/function/index.py", line 7\\u{1b}[2J
                    call 01K: fnctl why 01K tells more

                    """)
            let envelope = await fnctlRun(
                "invoke", "hello", "--output", "json", "--endpoint", server.url)
            #expect(envelope.status.rawValue == 1)
            #expect(envelope.errors.isEmpty)
            #expect(
                envelope.output.hasPrefix(
                    #"{"callId":"01K","state":"failed","runMs":0.5,"problem":{"title""#))
        }
    }

    @Test func aCallThatTimedOutExitsWith124() async throws {
        let problem =
            #"{"title":"t","detail":"too long","state":"timed_out","cause":"wall_timeout"}"#
        let answer = StubServer.Answer.problem(
            504, problem, headers: [("Cloister-Call-Id", "01K")])
        try await StubServer.run(answering: answer) { server in
            let (status, _, errors) = await fnctlRun("invoke", "hello", "--endpoint", server.url)
            #expect(status.rawValue == 124)
            #expect(errors.hasPrefix("fnctl: hello timed out (wall_timeout): too long\n"))
        }
    }

    @Test func aProblemIsShownByItsDetail() async throws {
        let problem = #"{"title":"bad","detail":"must be at least 32","field":"memoryMB"}"#
        try await StubServer.run(answering: .problem(429, problem, headers: [("Retry-After", "2")]))
        {
            server in
            let (status, _, errors) = await fnctlRun("show", "hello", "--endpoint", server.url)
            #expect(status.rawValue == 1)
            #expect(errors == "fnctl: memoryMB: must be at least 32; try again in 2 s\n")
        }
    }

    @Test(arguments: [
        (200, "<html>"), (502, "<html>"), (200, "{}"), (200, #"{"functions":[{"name":1}]}"#),
    ])
    func anAnswerThatIsNotAnEvaluatorsIsCalledSo(status: Int, body: String) async throws {
        let answer = StubServer.Answer(
            status: status, headers: [("Content-Type", "text/html")], body: body)
        try await StubServer.run(answering: answer) { server in
            let (exit, _, errors) = await fnctlRun("list", "--endpoint", server.url)
            #expect(exit == .unreachable)
            #expect(errors.contains("(status \(status), text/html) is not one of an evaluator"))
        }
    }

    @Test func listsFollowTheCursor() async throws {
        @Sendable func respond(_ request: StubServer.Request) -> StubServer.Answer {
            let next = request.uri.contains("cursor=a%2Fb") ? "" : #","nextCursor":"a/b""#
            return .init(body: #"{"functions":[\#(Self.function)]\#(next)}"#)
        }
        try await StubServer.run(respond: respond) { server in
            let (status, output, _) = await fnctlRun("list", "--endpoint", server.url + "/")
            #expect(status == .completed)
            #expect(output.split(separator: "\n").count == 3)
            #expect(
                server.requests.map(\.uri) == [
                    "/v1/functions?limit=1000", "/v1/functions?limit=1000&cursor=a%2Fb",
                ])
        }
    }

    @Test func registeringSendsSettingsAndCode() async throws {
        try await StubServer.run(answering: .init(status: 201, body: Self.function)) { server in
            try await withTemporaryFolder { folder in
                let file = try folder.write("hello.py", "def handler(event, context): return 1\n")
                let (status, output, _) = await fnctlRun(
                    "register", "hello", file.filePath, "--timeout", "3s", "--memory", "64",
                    "--env", "A=b=c",
                    "--endpoint", server.url)
                #expect(status == .completed)
                #expect(output == "registered hello version 2 (python, index.handler, 112 B)\n")
                let request = try #require(server.requests.first)
                #expect(request.method == "PUT")
                #expect(
                    try json(request.body)
                        == json(
                            """
                            {"runtime":"python","timeoutMs":3000,"memoryMB":64,"env":{"A":"b=c"},
                            "code":"def handler(event, context): return 1\\n"}
                            """))
            }
        }
    }

    @Test func doctorReportsProtectionsWhenNotReady() async throws {
        let body = """
            {"ready":false,"version":"0.1.0","templates":[{"runtime":"python","state":"starting"}],
            "protections":[{"name":"cgroup","status":"missing","how":"rlimits","advice":"delegate one"}]}
            """
        try await StubServer.run(answering: .init(status: 503, body: body)) { server in
            let (status, output, _) = await fnctlRun("doctor", "--endpoint", server.url)
            #expect(status.rawValue == 1)
            #expect(output.hasPrefix("evaluator 0.1.0 at \(server.url): not ready\n"))
            #expect(output.contains("cgroup      missing  rlimits\n"))
            #expect(output.hasSuffix("advice:\n  cgroup: delegate one\n"))
        }
    }
}
