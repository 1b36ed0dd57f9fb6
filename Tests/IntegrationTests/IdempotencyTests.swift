import Foundation
import TestSupport
import Testing

@Suite struct IdempotencyTests {
    private static let code = """
        import os, time
        def handler(event, context):
            time.sleep(event.get("sleep", 0))
            if event.get("fails"):
                raise KeyError("gone")
            return os.urandom(8).hex()
        """

    private func invoke(
        _ evaluator: TestEvaluator, _ key: String, _ event: String = "{}", query: String = ""
    ) async throws -> TestEvaluator.Answer {
        try await evaluator.send(
            "POST", "/v1/functions/once/invoke\(query)", body: Data(event.utf8),
            headers: [("Idempotency-Key", key)])
    }

    private func register(_ evaluator: TestEvaluator) async throws {
        try await evaluator.register(
            "once", "python", Self.code, settings: ["timeoutMs": 20_000])
    }

    @Test func `the same key is the same call, and another event with it is refused`() async throws
    {
        let evaluator = try await SharedEvaluator.get()
        try await register(evaluator)
        let first = try await invoke(evaluator, "a")
        #expect(
            first.status == 200 && first.headers["idempotency-replayed"] == nil, "\(first.text)")
        let second = try await invoke(evaluator, "a")
        #expect(second.status == 200 && second.text == first.text)
        #expect(second.callID == first.callID)
        #expect(second.headers["idempotency-replayed"] == "true")
        #expect(try await invoke(evaluator, "b").text != first.text)
        for other in [
            try await invoke(evaluator, "a", #"{"x": 1}"#),
            try await invoke(evaluator, "a", query: "?version=1"),
        ] {
            #expect(other.status == 422 && other.text.contains(first.callID), "\(other.text)")
        }
        // A failure is an answer as well.
        let failure = try await invoke(evaluator, "c", #"{"fails": true}"#)
        let again = try await invoke(evaluator, "c", #"{"fails": true}"#)
        #expect(failure.status == 502 && again.status == 502)
        #expect(failure.callID == again.callID)
        #expect(try failure.json == again.json)
    }

    @Test func `many requests at the same time with one key run one call`() async throws {
        let evaluator = try await SharedEvaluator.get()
        try await register(evaluator)
        let answers = try await withThrowingTaskGroup(of: TestEvaluator.Answer.self) { group in
            for number in 0..<20 {
                group.addTask {
                    // Half of them ask for an answer, half do not wait for one.
                    if number.isMultiple(of: 2) {
                        return try await self.invoke(evaluator, "crowd", #"{"sleep": 0.3}"#)
                    }
                    return try await evaluator.submit(
                        "once", #"{"sleep": 0.3}"#, headers: [("Idempotency-Key", "crowd")])
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(answers.map(\.callID)).count == 1)
        #expect(Set(answers.filter { $0.status == 200 }.map(\.text)).count == 1)
        #expect(answers.allSatisfy { $0.status == 200 || $0.status == 202 })
    }

    @Test func `a key outlives the evaluator, and its call's end`() async throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("cloister-test-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let first = try await TestEvaluator(dataFolder: folder)
        try await first.waitUntilReady()
        try await register(first)
        let done = try await invoke(first, "done")
        let cut = Task { try? await invoke(first, "cut", #"{"sleep": 15}"#) }
        try await until {
            try await first.get("/v1/calls?function=once&state=running").json["calls"]?[0] != nil
        }
        kill(first.pid, SIGKILL)
        _ = await cut.value
        try await first.waitForEnd()
        first.removeFolder()
        try await TestEvaluator.with(dataFolder: folder) { second in
            let again = try await invoke(second, "done")
            #expect(again.status == 200 && again.text == done.text && again.callID == done.callID)
            // What became of the call that was running is known, and it is not run again.
            let lost = try await invoke(second, "cut", #"{"sleep": 15}"#)
            #expect(lost.status == 502, "\(lost.text)")
            #expect(try lost.json["cause"]?.string == "evaluator_lost")
        }
    }

    @Test func `a request that was refused leaves its key free`() async throws {
        try await TestEvaluator.with(["--slots", "1", "--queue-limit", "0"]) { evaluator in
            try await register(evaluator)
            let busy = Task {
                // Without a queue, a call is refused while the only cell is being made.
                while try await evaluator.invoke("once", #"{"sleep": 2}"#).status == 429 {}
            }
            try await until {
                try await evaluator.get("/v1/calls?state=running").json["calls"]?[0] != nil
            }
            #expect(try await invoke(evaluator, "later").status == 429)
            try await busy.value
            try await until { try await invoke(evaluator, "later").status == 200 }
        }
    }

    @Test(arguments: ["", " ", "é", String(repeating: "k", count: 256)])
    func `keys that are none are refused`(_ key: String) async throws {
        let evaluator = try await SharedEvaluator.get()
        try await register(evaluator)
        let answer = try await invoke(evaluator, key)
        #expect(answer.status == 400 && answer.text.contains("Idempotency-Key"), "\(answer.text)")
    }
}
