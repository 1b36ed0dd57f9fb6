import Testing

@testable import fnctl

/// Dead letters: listing and replaying.
@Suite struct ReplayTests {
    private static let a = CallText.id(ending: "A")
    private static let b = CallText.id(ending: "B")
    private static let z = CallText.id(ending: "Z")

    private static let letters = [b, a].map {
        CallText.with(
            #""state":"failed","cause":"crashed","dead":true,"async":true,"attempt":3,"maxAttempts":3"#,
            id: $0)
    }.joined(separator: ",")

    /// A server with two dead letters, of which B has been replayed meanwhile.
    @Sendable private static func respond(_ request: StubServer.Request) -> StubServer.Answer {
        if request.method == "GET" { return .init(body: "{\"calls\":[\(letters)]}") }
        if request.uri.contains(b) {
            return .problem(409, #"{"title":"t","detail":"it is no dead letter\u001b[2J"}"#)
        }
        return .init(
            status: 202, body: CallText.with(#""state":"queued""#, id: z))
    }

    @Test func `dead letters are listed with their attempts`() async throws {
        try await StubServer.run(respond: Self.respond) { server in
            let (_, output, _) = await fnctlRun(
                "calls", "--dead", "--function", "f", "--endpoint", server.url)
            #expect(server.requests.map(\.uri) == ["/v1/calls?function=f&dead=true&limit=20"])
            #expect(output.contains("  CAUSE    ATTEMPT  "), "\(output)")
            #expect(output.contains("  crashed  3 of 3   "), "\(output)")
        }
    }

    @Test func `all dead letters are replayed, the oldest first, whatever becomes of one`()
        async throws
    {
        let (a, b, z) = (Self.a, Self.b, Self.z)
        try await StubServer.run(respond: Self.respond) { server in
            let (status, output, errors) = await fnctlRun(
                "replay", "--all", "--function", "f", "--endpoint", server.url)
            #expect(status == .failed)
            #expect(output == "\(a) -> \(z)\n")
            #expect(
                errors == "fnctl: \(b) was not replayed: it is no dead letter\\u{1b}[2J\n",
                "\(errors)")
            #expect(
                server.requests.map(\.uri) == [
                    "/v1/calls?function=f&dead=true&limit=1000", "/v1/calls/\(a)/replay",
                    "/v1/calls/\(b)/replay",
                ])
        }
    }

    @Test func `calls that are named go on after one that cannot be replayed`() async throws {
        let (a, b, z) = (Self.a, Self.b, Self.z)
        try await StubServer.run(respond: Self.respond) { server in
            let (status, output, errors) = await fnctlRun(
                "replay", b, a, "--output", "json", "--endpoint", server.url)
            #expect(status == .failed && errors.contains(b))
            let document = try json(output)
            let expected = JSONValue.object(fields: [
                ("id", .string(a)), ("replayedAs", .string(z)),
            ])
            #expect(document["replayed"] == .array([expected]))
            #expect(document["failed"]?.arrayValue?.first?["id"] == .string(b))
            let ok = await fnctlRun("replay", a, "--endpoint", server.url)
            #expect(ok.status == .completed && ok.output == "\(a) -> \(z)\n")
        }
    }

    @Test func `no dead letters is no failure`() async throws {
        try await StubServer.run(answering: .init(body: #"{"calls":[]}"#)) { server in
            let (status, output, errors) = await fnctlRun(
                "replay", "--all", "--endpoint", server.url)
            #expect(status == .completed && output.isEmpty)
            #expect(errors == "there are no dead letters\n")
        }
    }

    @Test(arguments: [
        (["replay"], "say which calls"), (["replay", "X", "--all"], "do not go together"),
        (["replay", "X", "--function", "f"], "--function goes with --all"),
    ])
    func `what to replay is said in one way`(_ arguments: [String], _ reason: String) async {
        let (status, _, errors) = await fnctlRun(arguments)
        #expect(status == .usage && errors.contains(reason), "\(errors)")
    }
}
