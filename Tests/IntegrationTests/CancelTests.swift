import Foundation
import TestSupport
import Testing

@Suite struct CancelTests {
    private static let loops = [
        "python": "def handler(event, context):\n    while True: pass\n",
        "javascript": "exports.handler = async () => { for (;;); };\n",
    ]

    @Test(arguments: ["python", "javascript"])
    func `a running loop is cancelled at once, and everything is freed`(_ runtime: String)
        async throws
    {
        try await TestEvaluator.with { evaluator in
            let name = try await evaluator.register(
                nil, runtime, Self.loops[runtime] ?? "", settings: ["timeoutMs": 60_000])
            async let answer = evaluator.invoke(name)
            let id = try await running(evaluator, name, state: "running")
            let cells = HostState.executors(of: evaluator.pid)
            let clock = ContinuousClock()
            var cancelled: TestEvaluator.Answer?
            let elapsed = try await clock.measure {
                cancelled = try await evaluator.send("DELETE", "/v1/calls/\(id)")
            }
            #expect(cancelled?.status == 200, "\(cancelled?.text ?? "")")
            #expect(try cancelled?.json["state"]?.string == "cancelled")
            // Far from the minute that it could run; how fast it is, is for a benchmark to say.
            #expect(elapsed < .seconds(2) * timeFactor, "\(elapsed)")
            let mine = try await answer
            #expect(mine.status == 499 && mine.callID == id, "\(mine.text)")
            let left = HostState.executors(of: evaluator.pid)
            #expect(cells.filter { !left.contains($0) }.count == 1)
            let again = try await evaluator.send("DELETE", "/v1/calls/\(id)")
            #expect(again.status == 409, "\(again.text)")
            print("cancelled a \(runtime) loop in \(elapsed)")
        }
    }

    @Test func `a call in the queue is cancelled before it starts, and others keep their turn`()
        async throws
    {
        try await TestEvaluator.with(["--slots", "1"]) { evaluator in
            let name = try await evaluator.register(
                nil, "python",
                "import time\ndef handler(event, context):\n    time.sleep(event)\n    return event\n",
                settings: ["timeoutMs": 20_000])
            async let first = evaluator.invoke(name, "1")
            _ = try await running(evaluator, name, state: "running")
            async let second = evaluator.invoke(name, "2")
            let id = try await running(evaluator, name, state: "queued")
            let cancelled = try await evaluator.send("DELETE", "/v1/calls/\(id)")
            #expect(try cancelled.json["state"]?.string == "cancelled", "\(cancelled.text)")
            #expect(try cancelled.json["startedAt"] == nil)
            #expect(try await second.status == 499)
            #expect(try await first.text == "1")
        }
    }

    @Test func `a reader can wait for a call's end, and no longer than it says`() async throws {
        try await TestEvaluator.with { evaluator in
            let name = try await evaluator.register(
                nil, "python",
                "import time\ndef handler(event, context):\n    time.sleep(event)\n    return event\n",
                settings: ["timeoutMs": 20_000])
            async let answer = evaluator.invoke(name, "2")
            let id = try await running(evaluator, name, state: "running")
            let early = try await evaluator.get("/v1/calls/\(id)?wait=10ms")
            #expect(try early.json["state"]?.string == "running", "\(early.text)")
            let late = try await evaluator.get("/v1/calls/\(id)?wait=30s")
            #expect(try late.json["state"]?.string == "completed", "\(late.text)")
            #expect(try await answer.text == "2")
            for bad in ["30", "1h", "61s", "-1s", "s", ""] {
                let refused = try await evaluator.get("/v1/calls/\(id)?wait=\(bad)")
                #expect(refused.status == 400, "\(bad): \(refused.text)")
            }
        }
    }

    @Test func `a call that nobody knows cannot be cancelled`() async throws {
        let evaluator = try await SharedEvaluator.get()
        let answer = try await evaluator.send("DELETE", "/v1/calls/01ARZ3NDEKTSV4RRFFQ69G5FAV")
        #expect(answer.status == 404, "\(answer.text)")
    }

    private func running(_ evaluator: TestEvaluator, _ name: String, state: String) async throws
        -> String
    {
        var found: String?
        for _ in 0..<Int(500 * timeFactor) where found == nil {
            let calls = try await evaluator.get("/v1/calls?function=\(name)&state=\(state)")
            found = try calls.json["calls"]?.array?.first?["id"]?.string
            try await Task.sleep(for: .milliseconds(10))
        }
        return try #require(found, "no call of \(name) is \(state)")
    }
}
