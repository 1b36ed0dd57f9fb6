import Foundation
import Testing

@testable import fnctl

/// What `fnctl register` sends, and where it takes secrets from.
@Suite struct RegisterTests {
    private static let manifest = """
        isolation: snapshot
        concurrency: 2
        secretEnv: [API_KEY, OTHER]
        async:
          attempts: 5
          backoffMs: 200
          retryOn: [crashed, wall_timeout]
          maxAgeMs: 60000
          onSuccess: https://example.org/hook
        """

    /// The registration's body as JSON, or what was wrong.
    private func register(
        _ options: String..., manifest: String = Self.manifest, environment: [String: String] = [:],
        standardInput: String = "", files: [String: String] = [:]
    ) async throws -> (status: fnctl.ExitStatus, body: JSONValue?, errors: String) {
        try await withTemporaryFolder { folder in
            try folder.write("f/index.py", "def handler(event, context): return 1\n")
            try folder.write("f/function.yaml", manifest)
            for (name, text) in files { try folder.write(name, text) }
            let answer = StubServer.Answer(status: 201, body: FunctionText.hello)
            return try await StubServer.run(answering: answer) { server in
                let arguments =
                    ["register", "hello", folder.appending(path: "f").filePath]
                    + options.map { $0.replacing("FOLDER", with: folder.filePath) }
                    + ["--endpoint", server.url]
                let (status, _, errors) = await fnctlRun(
                    arguments, environment: environment, standardInput: standardInput)
                let body = try server.requests.first.map { try json($0.body) }
                return (status, body, errors)
            }
        }
    }

    @Test func `function.yaml's settings are sent, and secrets as the environment has them`()
        async throws
    {
        let (status, body, errors) = try await register(environment: ["API_KEY": "12345678"])
        #expect(status == .completed, "\(errors)")
        #expect(body?["concurrency"] == .int(2))
        #expect(body?["isolation"] == .string("snapshot"))
        #expect(try body?["secretEnv"] == json(#"{"API_KEY":"12345678","OTHER":null}"#))
        #expect(
            try body?["async"]
                == json(
                    """
                    {"attempts":5,"backoffMs":200,"retryOn":["crashed","wall_timeout"],
                    "maxAgeMs":60000,"onSuccess":"https://example.org/hook","webhookSecret":null}
                    """))
    }

    @Test func `options go before function.yaml, and secrets are read from where they say`()
        async throws
    {
        let (status, body, errors) = try await register(
            "--concurrency", "7", "--isolation", "reuse", "--secret", "API_KEY=@FOLDER/key",
            "--secret", "MORE",
            "--webhook-secret", "-",
            environment: ["API_KEY": "not this", "MORE": "more=more"], standardInput: "whsec_x\n",
            files: ["key": "two\nlines\r\n"])
        #expect(status == .completed, "\(errors)")
        #expect(body?["concurrency"] == .int(7))
        #expect(body?["isolation"] == .string("reuse"))
        #expect(
            try body?["secretEnv"]
                == json(#"{"API_KEY":"two\nlines","MORE":"more=more","OTHER":null}"#))
        #expect(body?["async"]?["webhookSecret"] == .string("whsec_x"))
    }

    @Test func `nothing is sent of settings that are not given`() async throws {
        let (_, body, _) = try await register(manifest: "async: {attempts: 1}\n")
        #expect(body?["secretEnv"] == nil && body?["concurrency"] == nil)
        #expect(body?["async"] == .object(fields: [("attempts", .int(1))]))
    }

    @Test(arguments: [
        (["--secret", "API_KEY=hunter22"], "other users of this machine can see"),
        (["--webhook-secret", "whsec_hunter22"], "other users of this machine can see"),
        (["--secret", "ABSENT"], "the environment has no variable ABSENT"),
        (["--secret", "A=@/no/such/file"], "cannot read /no/such/file"),
        (["--secret", "=@x"], "--secret needs a variable's name"),
        (["--secret", "A=-", "--secret", "B=-"], "standard input can be only one secret"),
        (["--secret", "A=-", "--secret", "A"], "--secret A is given twice"),
    ])
    func `a secret that cannot be taken is refused without being quoted`(
        _ options: [String], _ reason: String
    ) async throws {
        let (status, _, errors) = await fnctlRun(["register", "x", "/no/such/folder"] + options)
        #expect(status == .usage)
        #expect(errors.contains(reason), "\(errors)")
        #expect(!errors.contains("hunter22"), "\(errors)")
    }

    @Test func `a webhook's secret without a webhook is refused`() async throws {
        let (status, body, errors) = try await register(
            "--webhook-secret", "-", manifest: "async: {attempts: 1}", standardInput: "whsec_x")
        #expect(status == .usage && body == nil)
        #expect(errors.contains("async.onSuccess or async.onFailure"), "\(errors)")
    }

    @Test(arguments: [
        ("secretEnv: {A: b}", "function.yaml, line 1: secretEnv must be a list of names: a value"),
        ("secretEnv: [1]", "each of secretEnv must be text"),
        ("async: {webhookSecret: x}", "give it with --webhook-secret @FILE"),
        ("async: {retries: 3}", "unknown key \"retries\"; async may have attempts, backoffMs"),
        ("async: {retryOn: crashed}", "retryOn must be a list, and this is a string"),
        ("concurrency: many", "concurrency must be a whole number"),
    ])
    func `what is wrong in function.yaml is named`(_ text: String, _ reason: String) {
        let message = messageThrown {
            _ = try FunctionManifest.parse(text, file: "function.yaml")
        }
        #expect(message?.contains(reason) == true, "\(message ?? "")")
    }

    @Test func `a function's settings are shown, of secrets the names`() async throws {
        let body = FunctionText.with(
            """
            "secretEnv":["B","A"],"concurrency":2,"async":{"attempts":5,"backoffMs":1000,
            "retryOn":["crashed"],"maxAgeMs":21600000,"onFailure":"https://example.org/\\u001b[2J"},
            "failing":{"calls":37,"since":"2026-01-31T14:02:00.000Z","cause":"out_of_memory"}
            """)
        try await StubServer.run(answering: .init(body: body)) { server in
            let (_, output, _) = await fnctlRun("show", "hello", "--endpoint", server.url)
            for line in [
                "concurrency  2 at once",
                "async        5 attempts, 1 s before the second, none begins after 6 h",
                "retry on     crashed", "on failure   https://example.org/\\u{1b}[2J",
                "failing      37× out_of_memory since 2026-01-31 14:02",
                "secret       A\nsecret       B",
            ] { #expect(output.contains(line + "\n"), "\(output)") }
        }
    }

    @Test func `a failing function stands out in the list, and only then is there a column`()
        async throws
    {
        let since = Format.rfc3339(Date())
        let failing = FunctionText.with(
            #""failing":{"calls":37,"since":"\#(since)","cause":"out_of_memory"}"#)
        for (functions, isShown) in [
            ([FunctionText.hello, failing], true), ([FunctionText.hello], false),
        ] {
            let body = "{\"functions\":[\(functions.joined(separator: ","))]}"
            try await StubServer.run(answering: .init(body: body)) { server in
                let (_, output, _) = await fnctlRun(
                    "list", "--endpoint", server.url, usesColour: true)
                #expect(output.contains("FAILING") == isShown)
                let cell = "\u{1B}[31m37× out_of_memory since \(Format.clock(since))\u{1B}[0m"
                #expect(output.contains(cell) == isShown, "\(output)")
            }
        }
    }
}
