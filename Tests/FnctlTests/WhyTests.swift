import Foundation
import Testing

@testable import fnctl

@Suite struct WhyTests {
    private static func call(_ fields: String) -> String {
        """
        {"id":"\(CallText.id)","function":"hog","version":2,"runtime":"python","queuedAt":"2026-01-31T09:15:02.123Z",
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
            let (status, output, errors) = await fnctlRun(
                "why", CallText.id, "--endpoint", server.url)
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
        "evaluator_lost", "expired",
    ])
    func `every cause comes with something to try`(_ cause: String) async throws {
        let state = ["cancelled": "cancelled", "wall_timeout": "timed_out"][cause] ?? "failed"
        let output = try await why(#""state":"\#(state)","cause":"\#(cause)","message":"m""#)
        let words = cause == "cancelled" ? "It was cancelled" : "(\(cause))"
        #expect(output.contains("\(words): m\n"), "\(output)")
        #expect(output.contains("\ntry: "), "\(output)")
    }

    @Test func `a stack shows the function's own frames, and advice names the line`() async throws {
        let output = try await why(
            #"""
            "state":"failed","cause":"handler_error","errorType":"E","message":"m","stack":[
            "File \"/function/index.py\", line 4, in handler\n    f()",
            "File \"/function/lib/a.py\", line 12, in f\n    g()",
            "File \"/usr/lib/python3.11/x.py\", line 1, in g\n    h()",
            "File \"/usr/lib/python3.11/x.py\", line 2, in h\n    i()",
            "caused by KeyError: 1", "File \"/usr/lib/python3.11/y.py\", line 3, in i\n    j()"]
            """#)
        #expect(
            output.contains(
                """
                line 12, in f
                    g()
                  … 2 frames outside the function
                  caused by KeyError: 1
                  … 1 frame outside the function

                """), "\(output)")
        #expect(output.contains("\ntry: mend line 12 of lib/a.py and"), "\(output)")
    }

    @Test(arguments: [
        (#""cause":"out_of_memory","peakMemoryBytes":1000000"#, "it asked for more at once"),
        (#""cause":"crashed","signal":"SIGSEGV","logBytes":9"#, "the last log lines tell"),
        (#""cause":"crashed","signal":"SIGSEGV","logBytes":0"#, "print before it"),
        (#""cause":"crashed""#, "fnctl doctor"),
        (#""cause":"exited","exitCode":0,"runtime":"javascript""#, "settles"),
        (#""cause":"exited","exitCode":0"#, "sys.exit()"),
        (#""cause":"exited","exitCode":3"#, "sys.exit()"),
        (#""cause":"handler_error","blocked":"vfork()""#, "do without vfork(): a function cannot"),
        (#""cause":"init_error","errorType":"ImportError""#, "put the module into the bundle"),
        (#""cause":"wall_timeout","cpuMs":9"#, "it mostly waited"),
        (#""cause":"wall_timeout","cpuMs":900"#, "it was computing"),
        (#""cause":"evaluator_lost""#, "it had not started"),
    ])
    func `advice is about what the record tells`(_ fields: String, _ words: String) async throws {
        // The first of two equal keys would win.
        let record = Self.call(#""state":"failed","message":"m""#)
            .replacingOccurrences(
                of: #""runtime":"python""#,
                with: fields.contains("runtime") ? #""x":1"# : #""runtime":"python""#
            )
            .replacingOccurrences(of: #","cpuMs":97,"peakMemoryBytes":67108864"#, with: "")
            .replacingOccurrences(of: #""state""#, with: "\(fields),\"state\"")
        let call = try JSONDecoder().decode(CallRecord.self, from: Data(record.utf8))
        let advice = WhyAdvice.text(call) ?? ""
        #expect(advice.contains(words), "\(advice)")
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
            #expect(
                output.contains("2026-01-31 09:15 (2026-01-31)\nthe last 3 in a row\n"), "\(output)"
            )
            let causes = output.split(separator: "\n").filter { $0.contains(", the newest ") }
            #expect(causes.first?.hasPrefix("3 out_of_memory") == true, "\(output)")
            #expect(causes.last?.hasPrefix("1 wall_timeout") == true, "\(output)")
            #expect(output.hasSuffix("fnctl why 01K5 tells more of the newest\n"), "\(output)")
            #expect(server.requests.map(\.uri) == ["/v1/calls?function=hog&limit=50"])
        }
    }

    @Test func `one cause of all failures is said at once, and a name may be all digits`()
        async throws
    {
        let then = Format.rfc3339(Date(timeIntervalSinceNow: -310))
        let failed = (0..<37).map { _ in #""state":"failed","cause":"out_of_memory""# }
        let fine = (37..<50).map { _ in #""state":"completed""# }
        let calls = (failed + fine).map { fields in
            """
            {"id":"\(CallText.id)","function":"123","version":1,"queuedAt":"\(then)",
            "endedAt":"\(then)",\(fields)}
            """
        }
        let body = "{\"calls\":[\(calls.joined(separator: ","))]}"
        try await StubServer.run(answering: .init(body: body)) { server in
            let (_, output, _) = await fnctlRun("why", "123", "--endpoint", server.url)
            #expect(server.requests.map(\.uri) == ["/v1/calls?function=123&limit=50"])
            #expect(
                output.hasPrefix(
                    "37 of the last 50 calls of 123 failed, since \(Format.clock(then)) (5 min ago), "
                        + "all out_of_memory\nthe last 37 in a row\n"), "\(output)")
        }
    }

    @Test func `an asynchronous call is told with its attempts, its letter and its webhook`()
        async throws
    {
        let attempts = """
            [{"attempt":1,"state":"failed","cause":"crashed","message":"SIGSEGV\\u001b[2J\\nx",
            "endedAt":"2026-01-31T09:15:03.123Z"},
            {"attempt":2,"state":"timed_out","cause":"wall_timeout"}]
            """
        let output = try await why(
            """
            "state":"failed","cause":"crashed","message":"it got SIGSEGV","async":true,"dead":true,
            "attempt":3,"maxAttempts":3,"attempts":\(attempts),"replayOf":"\(CallText.id(ending: "A"))",
            "webhook":{"state":"pending","attempts":2,"lastError":"the answer was 503"}
            """)
        for text in [
            "\nIt is a dead letter: fnctl replay \(CallText.id) calls hog once more with its event\n",
            "\nattempt 1 failed (crashed), 2026-01-31 09:15:03: SIGSEGV\\u{1b}[2J x\n",
            "\nattempt 2 timed out (wall_timeout)\n", "\nattempt     3 of 3\n",
            "\nreplay of   \(CallText.id(ending: "A"))\n",
            "\nwebhook     pending after 2 attempts: the answer was 503\n",
        ] { #expect(output.contains(text), "\(output)") }
    }

    @Test func `a call that waits is told for what, in which place and until when`() async throws {
        let next = Format.rfc3339(Date(timeIntervalSinceNow: 3600 * 1.5 + 20))
        let output = try await why(
            """
            "state":"queued","async":true,"attempt":1,"maxAttempts":3,"nextAttemptAt":"\(next)",
            "waiting":{"reason":"retry","place":1,"message":"the last attempt failed"}
            """)
        #expect(output.contains("\nIt waits: the last attempt failed; it is next.\n"), "\(output)")
        #expect(output.contains("\nnext attempt  in 1 h 30 min (\(next))\n"), "\(output)")
        #expect(try await why(#""state":"queued""#).contains("\nIt waits for a free slot.\n"))
    }

    @Test func `what is neither an id nor a name is not asked for`() async throws {
        let (status, _, errors) = await fnctlRun("why", "0.1K")
        #expect(status == .usage && errors.contains("is neither a call's id"), "\(errors)")
    }

    @Test func `a cancelled call is told to be so`() async throws {
        let body = Self.call(#""state":"cancelled","cause":"cancelled""#)
        try await StubServer.run(answering: .init(body: body)) { server in
            let (status, output, _) = await fnctlRun(
                "cancel", CallText.id, "--endpoint", server.url)
            #expect(status == .completed && output == "\(CallText.id) is cancelled\n")
            #expect(server.requests.map(\.method) == ["DELETE"])
        }
    }
}
