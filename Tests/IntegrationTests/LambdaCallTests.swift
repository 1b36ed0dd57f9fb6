import Foundation
import TestSupport
import Testing

/// What holds for calls of functions that came through Lambda's API, by whichever way they are called.
@Suite struct LambdaCallTests {
    private static let echo = "def handler(e, c):\n    return e\n"

    @Test func `a function whose reserved concurrency is 0 runs nothing, and then what has waited`()
        async throws
    {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("cloister-test-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let concurrency = "/2017-10-31/functions/paused/concurrency"
        func states(_ evaluator: TestEvaluator) async throws -> [String] {
            try await evaluator.calls("paused").compactMap { $0["state"]?.string }
        }
        try await TestEvaluator.with(dataFolder: folder) { evaluator in
            try await evaluator.createLambda("paused", Self.echo)
            try await evaluator.register("other", "python", Self.echo)
            let url = try await evaluator.made(
                "POST", "/2021-10-31/functions/paused/url", ["AuthType": "NONE"]
            ).json["FunctionUrl"]?.string
            let urlID = try #require(url?.split(separator: "/").last.map(String.init))
            let keyed = try await evaluator.send(
                "POST", "/v1/functions/paused/invoke", body: Data("1".utf8),
                headers: [("Idempotency-Key", "before")])
            #expect(keyed.status == 200)
            try await evaluator.made("PUT", concurrency, ["ReservedConcurrentExecutions": 0])

            let synchronous = try await evaluator.send(
                "POST", "\(TestEvaluator.lambdaFunctions)/paused/invocations", body: Data("1".utf8))
            #expect(synchronous.status == 429)
            let own = try await evaluator.invoke("paused")
            #expect(own.status == 429 && own.headers["retry-after"] != nil, "\(own.text)")
            #expect(try own.json["type"]?.string?.hasSuffix("/function-paused") == true)
            let withKey = try await evaluator.send(
                "POST", "/v1/functions/paused/invoke", body: Data("1".utf8),
                headers: [("Idempotency-Key", "new")])
            #expect(withKey.status == 429)
            // What has run before is not run again, so it is answered.
            let replayed = try await evaluator.send(
                "POST", "/v1/functions/paused/invoke", body: Data("1".utf8),
                headers: [("Idempotency-Key", "before")])
            #expect(replayed.status == 200)
            #expect(replayed.headers["idempotency-replayed"] == "true")
            #expect(try await evaluator.get("/lambda-url/\(urlID)/").status == 429)

            #expect(try await evaluator.event("paused").status == 202)
            #expect(try await evaluator.submit("paused").status == 202)
            // Others that came later have had their turn.
            for _ in 0..<3 {
                let id = try await evaluator.submit("other").callID
                #expect(try await evaluator.ended(id)["state"]?.string == "completed")
            }
            #expect(try await states(evaluator) == ["queued", "queued", "completed"])
            let waiting = try #require(try await evaluator.calls("paused").first?["id"]?.string)
            let reason = try await evaluator.get("/v1/calls/\(waiting)").json["waiting"]
            #expect(reason?["message"]?.string?.contains("paused") == true)
        }
        // It holds after a start, of which the stored version knows nothing.
        try await TestEvaluator.with(dataFolder: folder) { evaluator in
            let id = try await evaluator.submit("other").callID
            #expect(try await evaluator.ended(id)["state"]?.string == "completed")
            #expect(try await states(evaluator) == ["queued", "queued", "completed"])
            #expect(try await evaluator.invoke("paused").status == 429)
            try await evaluator.made("DELETE", concurrency)
            try await until { try await states(evaluator).allSatisfy { $0 == "completed" } }
            #expect(try await evaluator.invoke("paused", "7").text == "7")
        }
    }

    @Test(arguments: [nil, "key"])
    func `a call keeps its layers when they and its function are deleted`(_ key: String?)
        async throws
    {
        let evaluator = try await SharedEvaluator.get()
        let name = "layered-\(key ?? "plain")"
        let layer = try await evaluator.made(
            "POST", "/2018-10-31/layers/\(name)/versions",
            ["Content": ["ZipFile": try TestEvaluator.archive(["data.txt": "\(name) of its own"])]]
        ).json
        try await evaluator.createLambda(
            name,
            """
            import time
            def handler(event, context):
                print("begins", flush=True)
                deadline = time.time() + 20
                # Until the folder is gone, or for long enough.
                time.sleep(event)
                return open("/opt/data.txt").read()
            """,
            [
                "Layers": [try #require(layer["LayerVersionArn"]?.string)],
                "Tags": ["cloister:isolation": "call"],
            ])
        let answer = Task {
            try await evaluator.send(
                "POST", "/v1/functions/\(name)/invoke", body: Data("3".utf8),
                headers: key.map { [("Idempotency-Key", $0)] } ?? [])
        }
        try await until {
            try await evaluator.calls(name, "&state=running").count == 1
        }
        try await evaluator.made("DELETE", "\(TestEvaluator.lambdaFunctions)/\(name)")
        let version = try #require(layer["Version"]?.int)
        try await evaluator.made("DELETE", "/2018-10-31/layers/\(name)/versions/\(version)")
        #expect(try await answer.value.text == "\"\(name) of its own\"")
    }

    @Test func `a destination is told of a call that was lost with its evaluator`() async throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("cloister-test-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let evaluator = try await TestEvaluator(dataFolder: folder)
        try await evaluator.waitUntilReady()
        try await evaluator.createLambda("dest", Self.echo)
        try await evaluator.createLambda(
            "src", "import time\ndef handler(e, c):\n    time.sleep(e)\n", ["Timeout": 60])
        try await evaluator.made(
            "PUT", "/2019-09-25/functions/src/event-invoke-config",
            [
                "MaximumRetryAttempts": 0,
                "DestinationConfig": ["OnFailure": ["Destination": TestEvaluator.arn("dest")]],
            ])
        #expect(try await evaluator.event("src", "50").status == 202)
        try await until { try await evaluator.calls("src", "&state=running").count == 1 }
        kill(evaluator.pid, SIGKILL)
        try await evaluator.waitForEnd()
        evaluator.removeFolder()
        try await TestEvaluator.with(dataFolder: folder) { evaluator in
            #expect(try await evaluator.calls("src").first?["cause"]?.string == "evaluator_lost")
            try await until {
                try await evaluator.calls("dest", "&state=completed").count == 1
            }
            let told = try #require(try await evaluator.calls("dest").first?["id"]?.string)
            let record = try await evaluator.get("/v1/calls/\(told)/result").json
            #expect(record["requestPayload"] == .number(50))
            #expect(record["requestContext"]?["condition"]?.string == "RetriesExhausted")
        }
    }

    @Test func `functions that are each other's destinations end after sixteen calls`()
        async throws
    {
        let evaluator = try await SharedEvaluator.get()
        for name in ["loop-a", "loop-b"] {
            try await evaluator.createLambda(
                name, "def handler(e, c):\n    return 1\n", ["Publish": true])
        }
        try await evaluator.made(
            "POST", "\(TestEvaluator.lambdaFunctions)/loop-b/aliases",
            ["Name": "live", "FunctionVersion": "$LATEST"])
        for (name, other) in [("loop-a", "loop-b:live"), ("loop-b", "loop-a")] {
            try await evaluator.made(
                "PUT", "/2019-09-25/functions/\(name)/event-invoke-config",
                [
                    "DestinationConfig": [
                        "OnSuccess": ["Destination": TestEvaluator.arn(other)]
                    ]
                ])
        }
        #expect(try await evaluator.event("loop-a").status == 202)
        var last: JSON?
        try await until {
            last = try await evaluator.calls("loop-b").first
            guard let id = last?["id"]?.string else { return false }
            let webhook = try await evaluator.get("/v1/calls/\(id)").json["webhook"]
            return webhook?["state"]?.string == "failed"
                && webhook?["lastError"]?.string?.contains("loop") == true
        }
        let count = try await evaluator.calls("loop-a").count + evaluator.calls("loop-b").count
        #expect(count == 16)
    }
}
