import Foundation
import Testing

import TestSupport

/// What happens when parts of the service are killed.
@Suite struct CrashTests {
    private static let sleeper = [
        "python":
            "import time\ndef handler(event, context):\n    time.sleep(event)\n    return event",
        "javascript":
            "exports.handler = (event) => new Promise((r) => setTimeout(() => r(event), event * 1000))",
    ]

    @Test(arguments: ["python", "javascript"])
    func `a killed template fails its calls with the reason and is back within a second`(
        _ runtime: String
    ) async throws {
        try await TestEvaluator.with { evaluator in
            let name = try await evaluator.register(nil, runtime, Self.sleeper[runtime] ?? "")
            let template = try #require(
                HostState.children(of: evaluator.pid).first {
                    HostState.commandLine($0).contains("/\(runtime)/")
                })
            let answers = try await withThrowingTaskGroup(of: TestEvaluator.Answer.self) { group in
                for _ in 0..<6 {
                    group.addTask { try await evaluator.invoke(name, "\(2 * timeFactor)") }
                }
                try await Task.sleep(for: .milliseconds(500) * timeFactor)
                kill(template, SIGKILL)
                return try await group.reduce(into: []) { $0.append($1) }
            }
            for answer in answers {
                let problem = try answer.json
                #expect(answer.status == 502)
                #expect(problem["cause"]?.string == "template_lost", "\(answer.text)")
                #expect(problem["detail"]?.string?.contains("SIGKILL") == true, "\(answer.text)")
                #expect(try await evaluator.record(answer)["cause"]?.string == "template_lost")
            }
            let clock = ContinuousClock()
            let pause = try await clock.measure {
                let answer = try await evaluator.invoke(name, "0")
                #expect(answer.status == 200, "\(answer.text)")
            }
            #expect(pause < .seconds(1) * timeFactor, "\(pause)")
            let status = try await evaluator.get("/readyz").json["templates"]?.array ?? []
            #expect(
                status.contains { $0["runtime"]?.string == runtime && $0["restarts"]?.int == 1 })
        }
    }

    @Test func `a killed evaluator leaves nothing running and finds everything at its next start`()
        async throws
    {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("cloister-test-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let first = try await TestEvaluator(dataFolder: folder)
        try await first.waitUntilReady()
        for runtime in ["python", "javascript"] {
            try await first.register(
                "sleep-\(runtime)", runtime, Self.sleeper[runtime] ?? "",
                settings: ["timeoutMs": 20000])
        }
        #expect(try await first.invoke("sleep-python", "0").status == 200)
        let running = (0..<4).map { index in
            Task {
                try? await first.invoke(
                    index % 2 == 0 ? "sleep-python" : "sleep-javascript", "\(15 * timeFactor)")
            }
        }
        try await Task.sleep(for: .milliseconds(500) * timeFactor)
        let cells = HostState.executors(of: first.pid)
        #expect(cells.count >= 6)
        kill(first.pid, SIGKILL)
        try await Task.sleep(for: .seconds(1) * timeFactor)
        #expect(cells.filter(HostState.isRunning) == [])
        for task in running { _ = await task.value }
        try await first.waitForEnd()

        try await TestEvaluator.with(dataFolder: folder) { second in
            let functions = try await second.get("/v1/functions").json["functions"]?.array ?? []
            #expect(
                functions.compactMap { $0["name"]?.string } == ["sleep-javascript", "sleep-python"])
            let calls = try await second.get("/v1/calls").json["calls"]?.array ?? []
            #expect(calls.count == 5)
            let lost = calls.filter { $0["cause"]?.string == "evaluator_lost" }
            #expect(lost.count == 4)
            #expect(lost.allSatisfy { $0["state"]?.string == "failed" })
            #expect(calls.filter { $0["state"]?.string == "completed" }.count == 1)
            #expect(try await second.invoke("sleep-python", "0").text == "0")
            // What the first one left behind is gone.
            #expect(HostState.groups(of: first.pid) == 0)
        }
    }

    @Test func `a stopped evaluator lets running calls finish and leaves nothing behind`()
        async throws
    {
        let evaluator = try await TestEvaluator()
        try await evaluator.waitUntilReady()
        let name = try await evaluator.register(nil, "python", Self.sleeper["python"] ?? "")
        let seconds = "\(Int(timeFactor))"
        let call = Task { try await evaluator.invoke(name, seconds) }
        try await Task.sleep(for: .milliseconds(300) * timeFactor)
        let cells = HostState.executors(of: evaluator.pid)
        kill(evaluator.pid, SIGTERM)
        let answer = try await call.value
        #expect(answer.status == 200 && answer.text == seconds, "\(answer.text)")
        try await evaluator.waitForEnd()
        #expect(cells.filter(HostState.isRunning) == [])
        #expect(HostState.groups(of: evaluator.pid) == 0)
        try await evaluator.stop()
    }

    @Test func `a full queue answers 429 with Retry-After and loses nothing`() async throws {
        try await TestEvaluator.with(["--slots", "1", "--queue-limit", "2"]) { evaluator in
            let name = try await evaluator.register(nil, "python", Self.sleeper["python"] ?? "")
            let answers = try await withThrowingTaskGroup(of: TestEvaluator.Answer.self) { group in
                for _ in 0..<8 {
                    group.addTask { try await evaluator.invoke(name, "\(0.3 * timeFactor)") }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.filter { $0.status == 200 }.count == 3)
            let refused = answers.filter { $0.status == 429 }
            #expect(refused.count == 5)
            for answer in refused {
                #expect(answer.headers["retry-after"] != nil)
                #expect(try answer.json["type"]?.string?.hasSuffix("/queue-full") == true)
            }
            let calls = try await evaluator.get("/v1/calls").json["calls"]?.array ?? []
            #expect(calls.count == 3)
        }
    }
}
