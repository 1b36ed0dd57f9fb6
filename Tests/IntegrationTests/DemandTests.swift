import TestSupport
import Testing

/// Parked cells follow demand.
@Suite struct DemandTests {
    @Test func `bursts find more cells parked, and at rest there are as many as configured`()
        async throws
    {
        try await TestEvaluator.with(["--slots", "6", "--parked", "1"]) { evaluator in
            func parked() async throws -> Int {
                let templates = try await evaluator.get("/readyz").json["templates"]?.array ?? []
                return templates.first { $0["runtime"]?.string == "python" }?["parked"]?.int ?? -1
            }
            let name = try await evaluator.register(
                nil, "python",
                "import time\ndef handler(event, context): time.sleep(0.2)",
                settings: ["timeoutMs": 20_000])
            var most = 0
            for _ in 0..<4 {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<5 {
                        group.addTask {
                            let answer = try await evaluator.invoke(name)
                            #expect(answer.status == 200, "\(answer.text)")
                        }
                    }
                    try await group.waitForAll()
                }
                try await Task.sleep(for: .milliseconds(100))
                most = max(most, try await parked())
            }
            #expect(most > 1)
            var now = most
            for _ in 0..<Int(200 * timeFactor) where now != 1 {
                try await Task.sleep(for: .milliseconds(100))
                now = try await parked()
            }
            #expect(now == 1)
        }
    }
}
