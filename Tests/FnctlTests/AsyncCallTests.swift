import Foundation
import NIOHTTP1
import Synchronization
import Testing

@testable import fnctl

/// Asynchronous calls: accepting, waiting, results and replays.
@Suite struct AsyncCallTests {
    private static let id = CallText.id

    // MARK: invoke

    @Test func `an asynchronous call prints its id alone`() async throws {
        let answer = StubServer.Answer(status: 202, body: CallText.with(#""state":"queued""#))
        try await StubServer.run(answering: answer) { server in
            let invoke = [
                "invoke", "f", "--async", "--data", "1", "--idempotency-key", "k-1",
                "--endpoint", server.url,
            ]
            let (status, output, errors) = await fnctlRun(invoke)
            #expect(status == .completed && output == Self.id + "\n" && errors.isEmpty)
            let request = try #require(server.requests.first)
            #expect(request.method == "POST" && request.uri == "/v1/functions/f/invoke")
            #expect(request.headers.first(name: "Prefer") == "respond-async")
            #expect(request.headers.first(name: "Idempotency-Key") == "k-1")

            let person = await fnctlRun(invoke, isTerminal: true)
            #expect(person.output == Self.id + "\n")
            #expect(person.errors.hasPrefix("fnctl why \(Self.id) tells"), "\(person.errors)")
            let program = await fnctlRun(invoke + ["--output", "json"])
            #expect(try json(program.output)["state"] == .string("queued"))
        }
    }

    @Test func `a call that is waited for has an idempotency key too, and no preference`()
        async throws
    {
        try await StubServer.run(answering: .init(body: "1")) { server in
            let (status, _, _) = await fnctlRun(
                "invoke", "f", "--idempotency-key", "k", "--endpoint", server.url)
            #expect(status == .completed)
            #expect(server.requests.first?.headers.first(name: "Idempotency-Key") == "k")
            #expect(server.requests.first?.headers.first(name: "Prefer") == nil)
        }
    }

    @Test(arguments: [
        "", "two words", "naïve", "line\r\nHost: x", String(repeating: "k", count: 256),
    ])
    func `a key that cannot be sent is refused`(_ key: String) async {
        let (status, _, errors) = await fnctlRun(["invoke", "f", "--idempotency-key", key])
        #expect(status == .usage)
        #expect(errors.contains("1 to 255 visible ASCII characters"), "\(errors)")
    }

    @Test func `an evaluator that knows no asynchronous calls is not taken for one`() async throws {
        try await StubServer.run(answering: .init(body: "1")) { server in
            let (status, output, errors) = await fnctlRun(
                "invoke", "f", "--async", "--endpoint", server.url)
            #expect(status == .unreachable && output.isEmpty)
            #expect(errors.contains("it ran the call instead of accepting it"), "\(errors)")
        }
    }

    // MARK: waiting

    @Test func `a call is waited for in requests of at most a minute`() async throws {
        let asked = Mutex(0)
        @Sendable func respond(_: StubServer.Request) -> StubServer.Answer {
            let count = asked.withLock { asked in
                asked += 1
                return asked
            }
            let state = count < 3 ? "running" : "completed"
            return .init(body: CallText.with(#""state":"\#(state)""#))
        }
        try await StubServer.run(respond: respond) { server in
            let (status, output, _) = await fnctlRun(
                "call", Self.id, "--wait", "2h", "--endpoint", server.url)
            #expect(status == .completed && output.contains("state     completed\n"), "\(output)")
            let uri = "/v1/calls/\(Self.id)?wait=60000ms"
            #expect(server.requests.map(\.uri) == [uri, uri, uri])
        }
    }

    @Test func `a call that does not end in time is shown as it is`() async throws {
        let answer = StubServer.Answer(
            body: CallText.with(
                #""state":"queued","waiting":{"reason":"slots","place":3,"message":"all busy"}"#))
        try await StubServer.run(answering: answer) { server in
            let (status, output, _) = await fnctlRun(
                "call", Self.id, "--wait", "300ms", "--endpoint", server.url)
            #expect(status == .completed)
            #expect(output.contains("waits for  all busy; it is number 3 in line\n"), "\(output)")
            #expect((1...3).contains(server.requests.count), "a server that does not wait")
        }
    }

    @Test(arguments: ["30", "soon", "0s", "-1s", "1w"])
    func `a wait without its unit is refused`(_ wait: String) async {
        let (status, _, errors) = await fnctlRun(["result", "x", "--wait=\(wait)"])
        #expect(status == .usage)
        #expect(errors.contains("write 500ms, 30s, 5m or 2h"), "\(errors)")
    }

    // MARK: result

    @Test func `a result is printed as invoke prints it, once the call has ended`() async throws {
        let asked = Flag()
        @Sendable func respond(_: StubServer.Request) -> StubServer.Answer {
            if asked.takeOnce() {
                return .problem(
                    409,
                    """
                    {"type":"https://cloister.invalid/problems/call-not-ended","title":"t",
                    "detail":"it is running","state":"running","callId":"\(Self.id)"}
                    """)
            }
            return .init(headers: [("Cloister-Call-Id", Self.id)], body: #"{"a": [1.0]}"#)
        }
        try await StubServer.run(respond: respond) { server in
            let (status, output, errors) = await fnctlRun(
                "result", Self.id, "--wait", "30s", "--endpoint", server.url)
            #expect(status == .completed && output == "{\"a\": [1.0]}\n", "\(errors)")
            #expect(
                server.requests.first?.uri.contains("/result?wait=30000ms") == true)
        }
    }

    @Test(arguments: [
        (
            502, "call-failed", #""state":"failed","cause":"crashed""#, 1 as Int32,
            "failed (crashed)"
        ),
        (504, "call-timed-out", #""state":"timed_out""#, 124, "timed out"),
        (499, "call-cancelled", #""state":"cancelled""#, 1, "was cancelled"),
    ])
    func `a call that failed exits as invoke would have`(
        _ answer: Int, _ slug: String, _ fields: String, _ exit: Int32, _ words: String
    ) async throws {
        let problem = """
            {"type":"https://cloister.invalid/problems/\(slug)","title":"t",
            "detail":"no\\u001b[2J","callId":"\(Self.id)",\(fields)}
            """
        try await StubServer.run(answering: .problem(answer, problem)) { server in
            let (status, output, errors) = await fnctlRun(
                "result", Self.id, "--endpoint", server.url)
            #expect(status.rawValue == exit && output.isEmpty)
            #expect(
                errors.hasPrefix("fnctl: call \(Self.id) \(words): no\\u{1b}[2J\n"), "\(errors)")
        }
    }

    @Test(arguments: [
        (409, "call-not-ended", #","state":"running""#),
        (404, "not-found", #","state":"completed""#),
    ])
    func `no result is a failure with its reason`(_ answer: Int, _ slug: String, _ state: String)
        async throws
    {
        let problem = """
            {"type":"https://cloister.invalid/problems/\(slug)","title":"t","detail":"why"\(state)}
            """
        try await StubServer.run(answering: .problem(answer, problem)) { server in
            let (status, output, errors) = await fnctlRun(
                "result", Self.id, "--endpoint", server.url)
            #expect(status == .failed && output.isEmpty && errors == "fnctl: why\n", "\(errors)")
            #expect(server.requests.first?.uri == "/v1/calls/\(Self.id)/result")
        }
    }
}
