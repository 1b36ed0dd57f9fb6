import Foundation
import Testing

@testable import fnctl

@Suite struct WhyTests {
    private static func call(_ fields: String) -> String {
        """
        {"id":"01K","function":"hog","version":2,"runtime":"python","queuedAt":"2026-01-31T09:15:02.123Z",
        "limits":{"timeoutMs":3000,"memoryMB":64,"tmpMB":16},"startMs":0.5,"initMs":1.5,"runMs":98,
        "queueMs":2,"cpuMs":97,"peakMemoryBytes":67108864,\(fields)}
        """
    }

    private func why(_ fields: String, log: String = "[]") async throws -> String {
        @Sendable func respond(_ request: StubServer.Request) -> StubServer.Answer {
            request.uri.hasSuffix("/logs")
                ? .init(body: #"{"lines":\#(log),"truncated":false}"#)
                : .init(body: Self.call(fields))
        }
        var shown = ""
        try await StubServer.run(respond: respond) { server in
            let (status, output, errors) = await fnctlRun("why", "01K", "--endpoint", server.url)
            #expect(status == .completed, "\(errors)")
            shown = output
        }
        return shown
    }

    @Test func `a failure is told in a sentence, with figures against limits and advice`()
        async throws
    {
        let output = try await why(
            #""state":"failed","cause":"out_of_memory","message":"it needed more than its 64 MB""#)
        #expect(output.hasPrefix("hog version 2, "))
        #expect(
            output.contains("\nIt failed (out_of_memory): it needed more than its 64 MB\n"),
            "\(output)")
        #expect(output.contains("time        100 ms of 3 s\n"), "\(output)")
        #expect(output.contains("memory      64 MB of 64 MB\n"), "\(output)")
        #expect(output.hasSuffix("register it with a larger memoryMB than 64\n"), "\(output)")
    }

    @Test func `what a cell wrote keeps its control characters off the terminal`() async throws {
        let output = try await why(
            #""state":"failed","cause":"handler_error","message":"m\u001b[2J","blocked":"execve(\\\"\u001b]0;x\u0007\\\")""#,
            log: #"[{"time":"2026-01-31T09:15:02.123Z","stream":"stdout","text":"\u001b[2J"}]"#)
        #expect(
            !output.contains("\u{1b}") && !output.contains("\u{7}"), "\(output.debugDescription)")
    }

    @Test func `only the last lines of a long log are shown`() async throws {
        let lines = (1...12).map {
            #"{"time":"2026-01-31T09:15:02.123Z","stream":"stdout","text":"line \#($0)."}"#
        }
        let output = try await why(
            #""state":"completed""#, log: "[\(lines.joined(separator: ","))]")
        #expect(output.contains("last 10 log lines:\n"), "\(output)")
        #expect(!output.contains("line 2.") && output.contains("line 3."), "\(output)")
        #expect(output.contains("\nIt completed.\n") && !output.contains("try:"), "\(output)")
    }

    @Test(arguments: [
        "handler_error", "init_error", "out_of_memory", "cpu_limit", "wall_timeout", "crashed",
        "exited", "response_too_large", "response_invalid", "cancelled", "template_lost",
        "evaluator_lost",
    ])
    func `every cause comes with something to try`(_ cause: String) async throws {
        let state = ["cancelled": "cancelled", "wall_timeout": "timed_out"][cause] ?? "failed"
        let output = try await why(#""state":"\#(state)","cause":"\#(cause)","message":"m""#)
        #expect(output.contains("(\(cause)): m\n"), "\(output)")
        #expect(output.contains("\ntry: "), "\(output)")
    }

    @Test func `a function's latest failures are counted by cause`() async throws {
        func call(_ number: Int, _ fields: String) -> String {
            """
            {"id":"01K\(number)","function":"hog","version":1,"queuedAt":"2026-01-31T09:15:0\(number)Z",
            "endedAt":"2026-01-31T09:15:09Z",\(fields)}
            """
        }
        let memory = #""state":"failed","cause":"out_of_memory","message":"more than 64 MB""#
        let calls = [
            call(5, memory), call(4, memory),
            call(3, #""state":"timed_out","cause":"wall_timeout","message":"late""#),
            call(2, #""state":"completed""#), call(1, memory),
        ].joined(separator: ",")
        try await StubServer.run(answering: .init(body: "{\"calls\":[\(calls)]}")) { server in
            let (status, output, _) = await fnctlRun("why", "hog", "--endpoint", server.url)
            #expect(status == .completed)
            #expect(output.hasPrefix("4 of the last 5 calls of hog failed, since "), "\(output)")
            #expect(output.contains("(2026-01-31T09:15:01Z)\nthe last 3 in a row\n"), "\(output)")
            let causes = output.split(separator: "\n").filter { $0.contains(", the newest ") }
            #expect(causes.first?.hasPrefix("3 out_of_memory") == true, "\(output)")
            #expect(causes.last?.hasPrefix("1 wall_timeout") == true, "\(output)")
            #expect(output.hasSuffix("fnctl why 01K5 tells more of the newest\n"), "\(output)")
            #expect(server.requests.map(\.uri) == ["/v1/calls?function=hog&limit=50"])
        }
    }

    @Test func `a cancelled call is told to be so`() async throws {
        let body = Self.call(#""state":"cancelled","cause":"cancelled""#)
        try await StubServer.run(answering: .init(body: body)) { server in
            let (status, output, _) = await fnctlRun("cancel", "01K", "--endpoint", server.url)
            #expect(status == .completed && output == "01K is cancelled\n")
            #expect(server.requests.map(\.method) == ["DELETE"])
        }
    }
}
