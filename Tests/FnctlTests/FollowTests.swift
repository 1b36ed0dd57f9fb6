import Foundation
import Synchronization
import Testing

@testable import fnctl

/// `fnctl logs --follow` over a real connection.
@Suite struct FollowTests {
    /// The texts at the ends of lines.
    private static func texts(_ output: String) -> [Substring] {
        output.split(separator: "\n").compactMap { $0.split(separator: " ").last }
    }

    @Test func `lines are printed as they come, in whatever pieces`() async throws {
        let recorded = RecordedConsole()
        @Sendable func stream(_ stream: StubServer.Stream) async throws {
            try await stream.send(": welcome\n\n" + LineText.event("one"))
            try await eventually("one is not shown") { recorded.output.contains("one\n") }
            for byte in Array(LineText.event(#"zwei\u001b[2J\u0007ü"#).utf8) {
                try await stream.send([byte])
            }
            try await eventually("zwei is not shown") { recorded.output.contains("zwei") }
            try await stream.send("event: novelty\ndata: {}\n\nevent: lost\n")
            try await stream.send("data: {\"events\": 120}\n\n" + LineText.end("failed"))
            try await eventually("the end is not shown") { recorded.errors.contains("failed") }
            try await stream.clientLeaves()
        }
        try await StubServer.run(answering: .events(stream)) { server in
            let task = Task {
                await fnctlRun(
                    ["logs", "f", "-f", "--level", "info", "--endpoint", server.url],
                    recorded: recorded)
            }
            try await eventually("the end is not shown") { recorded.errors.contains("failed") }
            task.cancel()
            #expect(await task.value.status == .interrupted)
            let request = try #require(server.requests.first)
            #expect(request.uri == "/v1/logs?function=f&level=info")
            #expect(
                request.headers.first { $0.name == "Accept" }?.value.hasPrefix(
                    "text/event-stream") == true)
        }
        #expect(Self.texts(recorded.output) == ["one", #"zwei\u{1b}[2J\u{7}ü"#])
        #expect(recorded.output.contains("  PQJCB4  stdout  one\n"))
        #expect(
            recorded.errors.hasPrefix(
                """
                fnctl: 120 events were missed, because they are read too slowly
                call \(CallText.id): failed

                """), "\(recorded.errors)")
    }

    @Test(arguments: [[CallText.id], ["f", "--call", CallText.id]])
    func `a call is followed to its end, with what it wrote before and each line once`(
        _ what: [String]
    ) async throws {
        let recorded = RecordedConsole()
        let isOver = Mutex(false)
        @Sendable func stream(_ stream: StubServer.Stream) async throws {
            // Stored when the stream is opened, and sent live as well.
            try await stream.send(LineText.event("same") + LineText.event("same"))
            try await stream.send(LineText.end("failed", #","cause":"crashed""#))
            try await stream.send(LineText.event("second"))
            try await eventually("not shown") { recorded.output.contains("second") }
            isOver.withLock { $0 = true }
            try await stream.send(LineText.end("completed"))
            try await stream.clientLeaves()
        }
        @Sendable func respond(_ request: StubServer.Request) -> StubServer.Answer {
            let isOver = isOver.withLock { $0 }
            let texts = ["early", "same", "same"] + (isOver ? ["second", "late"] : [])
            let lines = texts.map { LineText.with($0) }
            if request.uri.hasSuffix("/logs") {
                let lines = lines.joined(separator: ",")
                return .init(body: #"{"lines":[\#(lines)],"truncated":false}"#)
            }
            if request.uri.contains("limit=") {
                return .init(body: #"{"lines":[\#(lines.reversed().joined(separator: ","))]}"#)
            }
            if request.uri.hasPrefix("/v1/logs") { return .events(stream) }
            return .init(body: CallText.with(#""state":"\#(isOver ? "completed" : "running")""#))
        }
        try await StubServer.run(respond: respond) { server in
            let (status, _, errors) = await fnctlRun(
                ["logs"] + what + ["--follow", "--endpoint", server.url], recorded: recorded)
            #expect(status == .completed)
            #expect(errors == "call \(CallText.id): failed (crashed)\n")
        }
        #expect(Self.texts(recorded.output) == ["early", "same", "same", "second", "late"])
    }

    @Test func `a call that is over already is not waited for`() async throws {
        @Sendable func respond(_ request: StubServer.Request) -> StubServer.Answer {
            request.uri.hasSuffix("/logs")
                ? .init(body: #"{"lines":[\#(LineText.with("one"))],"truncated":false}"#)
                : .init(body: CallText.with(#""state":"completed""#))
        }
        try await StubServer.run(respond: respond) { server in
            let (status, output, _) = await fnctlRun(
                "logs", CallText.id, "--follow", "--output", "json", "--endpoint", server.url)
            #expect(status == .completed)
            #expect(output == LineText.with("one") + "\n")
        }
    }

    @Test(arguments: [true, false])
    func `a connection that breaks is made again, and nothing is missed or twice`(
        _ endsInOrder: Bool
    ) async throws {
        let recorded = RecordedConsole()
        let isFirst = Flag()
        @Sendable func first(_ stream: StubServer.Stream) async throws {
            try await stream.send("retry: 100\n\n" + LineText.event("one") + "event: line\nda")
            try await eventually("one is not shown") { recorded.output.contains("one") }
            if endsInOrder { try await stream.end() }
        }
        @Sendable func second(_ stream: StubServer.Stream) async throws {
            try await stream.send(LineText.event("two") + LineText.event("three"))
            try await stream.clientLeaves()
        }
        @Sendable func respond(_ request: StubServer.Request) -> StubServer.Answer {
            if request.uri.contains("since=") {
                let lines = ["two", "one"].map { LineText.with($0) }.joined(separator: ",")
                return .init(body: #"{"lines":[\#(lines)]}"#)
            }
            return .events(isFirst.takeOnce() ? first : second)
        }
        try await StubServer.run(respond: respond) { server in
            let task = Task {
                await fnctlRun(
                    ["logs", "f", "--follow", "--endpoint", server.url], recorded: recorded)
            }
            try await eventually("three is not shown") { recorded.output.contains("three") }
            task.cancel()
            _ = await task.value
            #expect(
                server.requests.map(\.uri) == [
                    "/v1/logs?function=f", "/v1/logs?function=f",
                    "/v1/logs?function=f&since=2026-01-31T09%3A15%3A00.123Z&limit=1000",
                ])
        }
        #expect(Self.texts(recorded.output) == ["one", "two", "three"])
        #expect(recorded.errors.hasPrefix("fnctl: the connection broke: "), "\(recorded.errors)")
        #expect(recorded.errors.contains("; connecting again in 100 ms\nfnctl: connected again\n"))
    }

    @Test func `what is no stream is not followed`() async throws {
        for (answer, expected) in [
            (StubServer.Answer(body: #"{"lines":[]}"#), fnctl.ExitStatus.unreachable),
            (.problem(400, #"{"title":"t","detail":"no such level"}"#), .failed),
            (.events { try await $0.send("event: line\ndata: <html>\n\n") }, .failed),
        ] {
            try await StubServer.run(answering: answer) { server in
                let (status, output, errors) = await fnctlRun(
                    "logs", "f", "--follow", "--endpoint", server.url)
                #expect(status == expected && output.isEmpty, "\(errors)")
            }
        }
        let gone = try await StubServer.run(answering: .init()) { $0.url }
        let (status, _, errors) = await fnctlRun("logs", "f", "-f", "--endpoint", gone)
        #expect(status == .unreachable && errors.contains("connection refused"), "\(errors)")
    }

    @Test func `following ends when nobody reads any more`() async throws {
        @Sendable func stream(_ stream: StubServer.Stream) async throws {
            for _ in 0..<3 { try await stream.send(LineText.event("one")) }
            try await stream.clientLeaves()
        }
        try await StubServer.run(answering: .events(stream)) { server in
            let recorded = RecordedConsole()
            let status = await Console.$current.withValue(recorded.console(open: false)) {
                await Fnctl.run(["logs", "f", "-f", "--endpoint", server.url])
            }
            #expect(status == .completed)
            #expect(Self.texts(recorded.output) == ["one"])
        }
    }
}
