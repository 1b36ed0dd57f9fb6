import Foundation
import Synchronization
import Testing

@testable import fnctl

/// `fnctl test` against a server that returns each event's `say`.
@Suite struct TestCommandTests {
    @Sendable private static func respond(_ request: StubServer.Request) -> StubServer.Answer {
        switch request.method {
        case "PUT":
            let version = request.body.contains("\"timeoutMs\":50") ? 2 : 1
            return .init(
                status: 201,
                body: """
                    {"name":"x","version":\(version),"runtime":"python","handler":"index.handler","codeSha256":"5f",
                    "codeBytes":1,"timeoutMs":1,"memoryMB":1,"tmpMB":1,"createdAt":"2026-01-31T09:15:02.123Z"}
                    """)
        case "DELETE":
            return .init(status: 204)
        case "GET":
            return .init(
                body:
                    #"{"lines":[{"time":"t","stream":"stdout","text":"a clue"}],"truncated":false}"#
            )
        default:
            let event = try? JSONParser.parse(request.body)
            return .init(
                headers: [("Cloister-Call-Id", "01K"), ("Cloister-Run-Ms", "1.94")],
                body: (event?["say"] ?? .null).compact)
        }
    }

    private func sample(_ folder: URL, _ cases: String) throws -> String {
        try folder.write("echo/index.py", "pass\n")
        try folder.write("echo/cases.yaml", cases)
        return folder.appending(path: "echo").filePath
    }

    @Test func `a sample's secrets are sent, and nobody is told of its calls`() async throws {
        try await StubServer.run(respond: Self.respond) { server in
            try await withTemporaryFolder { folder in
                let path = try sample(folder, "cases: [{name: one, event: {say: 1}, expect: 1}]")
                try folder.write(
                    "echo/function.yaml",
                    """
                    secretEnv: [KEY]
                    async: {onFailure: https://example.org/hook}
                    """)
                let (status, _, errors) = await fnctlRun(
                    ["test", path, "--endpoint", server.url], environment: ["KEY": "12345678"])
                #expect(status == .completed, "\(errors)")
                let body = try json(try #require(server.requests.first).body)
                #expect(body["secretEnv"] == .object(fields: [("KEY", .string("12345678"))]))
                #expect(body["async"] == nil)
            }
        }
    }

    @Test func casesPassAndTheFunctionIsDeleted() async throws {
        try await StubServer.run(respond: Self.respond) { server in
            try await withTemporaryFolder { folder in
                let path = try sample(
                    folder,
                    """
                    cases:
                      - {name: one, event: {say: 1}, expect: 1}
                      - {name: two, event: {say: 2}, expect: 2, timeoutMs: 50}
                      - {name: three, event: {say: 3}, expect: 3}
                    """)
                let (status, output, errors) = await fnctlRun(
                    "test", path, "--endpoint", server.url)
                #expect(status == .completed)
                #expect(errors.isEmpty)
                #expect(
                    output == """
                        ok   echo/one  1.9 ms
                        ok   echo/two  1.9 ms
                        ok   echo/three  1.9 ms
                        3 passed, 0 failed

                        """)
                let requests = server.requests
                #expect(requests.map(\.method) == ["PUT", "POST", "PUT", "POST", "POST", "DELETE"])
                let versions = requests.filter { $0.method == "POST" }.compactMap {
                    $0.uri.split(separator: "=").last
                }
                #expect(versions == ["1", "2", "1"])
                #expect(
                    Set(requests.compactMap { $0.uri.split(separator: "/").dropFirst(2).first })
                        .count == 1)
            }
        }
    }

    @Test func aFailingCaseIsExplainedAndCounted() async throws {
        try await StubServer.run(respond: Self.respond) { server in
            try await withTemporaryFolder { folder in
                let path = try sample(
                    folder, "cases:\n  - {name: one, event: {say: 1}, expect: 2}\n")
                let report = folder.appending(path: "junit.xml")
                let (status, output, _) = await fnctlRun(
                    "test", path, "--endpoint", server.url, "--junit", report.filePath)
                #expect(status.rawValue == 1)
                #expect(
                    output == """
                        FAIL echo/one  1.9 ms
                             the result is not the expected one (- expected, + returned)
                             - 2
                             + 1
                             its log:
                               a clue
                             call 01K
                        0 passed, 1 failed

                        """)
                #expect(server.requests.last?.method == "DELETE")
                #expect(try readText(report).contains("failures=\"1\""))
            }
        }
    }

    @Test func aFunctionThatIsRefusedFailsItsCases() async throws {
        let refusal = StubServer.Answer.problem(400, #"{"title":"t","detail":"no handler there"}"#)
        try await StubServer.run(answering: refusal) { server in
            try await withTemporaryFolder { folder in
                let path = try sample(
                    folder, "cases: [{name: a, expect: 1}, {name: b, expect: 1}]\n")
                let (status, output, errors) = await fnctlRun(
                    "test", path, "--endpoint", server.url)
                #expect(status.rawValue == 1)
                #expect(
                    output.contains(
                        "     the function could not be registered: no handler there\n"))
                #expect(output.hasSuffix("0 passed, 2 failed\n"))
                #expect(errors.isEmpty)
            }
        }
    }

    @Test func aFilterThatMatchesNothingIsWrongUsage() async throws {
        try await withTemporaryFolder { folder in
            let path = try sample(folder, "cases: [{name: a, expect: 1}]\n")
            let (status, _, errors) = await fnctlRun("test", path, "--filter", "zzz")
            #expect(status.rawValue == 2)
            #expect(errors.hasPrefix("fnctl: no case matches \"zzz\""))
        }
    }

    @Test func aBusyEvaluatorIsAskedAgain() async throws {
        let busy = Flag()
        @Sendable func respond(_ request: StubServer.Request) -> StubServer.Answer {
            if request.method == "POST", busy.takeOnce() {
                return .problem(
                    429, #"{"title":"t","detail":"full"}"#, headers: [("Retry-After", "1")])
            }
            return Self.respond(request)
        }
        try await StubServer.run(respond: respond) { server in
            try await withTemporaryFolder { folder in
                let path = try sample(folder, "cases: [{name: a, event: {say: 1}, expect: 1}]\n")
                let (status, _, _) = await fnctlRun("test", path, "--endpoint", server.url)
                #expect(status == .completed)
                #expect(server.requests.count { $0.method == "POST" } == 2)
            }
        }
    }

    @Test func theFunctionIsDeletedWhenTheRunIsCancelled() async throws {
        let running = Mutex<Task<Void, any Error>?>(nil)
        @Sendable func respond(_ request: StubServer.Request) -> StubServer.Answer {
            if request.method == "POST" { running.withLock { $0?.cancel() } }
            return Self.respond(request)
        }
        try await StubServer.run(respond: respond) { server in
            try await withTemporaryFolder { folder in
                let path = try sample(
                    folder, "cases: [{name: a, expect: null}, {name: b, expect: null}]\n")
                let found = try #require(try Sample.find([path]).first)
                let endpoint = try #require(Endpoint(server.url))
                let task = Task {
                    try await EvaluatorClient.with(endpoint) { client in
                        let runner = SampleRunner(
                            sample: found, client: client, console: RecordedConsole().console())
                        try await runner.run { _ in }
                    }
                }
                running.withLock { $0 = task }
                await #expect(throws: CancellationError.self) { try await task.value }
                #expect(server.requests.map(\.method) == ["PUT", "POST", "DELETE"])
            }
        }
    }
}
