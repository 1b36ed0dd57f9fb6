import Foundation
import TestSupport
import Testing

/// Snapshots live on the terms of calls: what one function's do to the others, and what is left of them
/// when it is deleted.
@Suite struct SnapshotFairnessTests {
    private static let quick = "def handler(event, context):\n    return 1"

    /// Registers a function in so many versions, and calls each of them so often; the calls' ends are
    /// not waited for.
    private func flood(
        _ evaluator: TestEvaluator, _ code: String, versions: Int, calls: Int,
        timeoutMs: Int = 8000
    ) async throws -> String {
        let name = evaluator.newName()
        for version in 1...versions {
            try await evaluator.register(
                name, "python", "\(code)\n# \(version)", settings: ["timeoutMs": timeoutMs],
                isolation: "snapshot")
        }
        for version in 1...versions {
            for _ in 0..<calls {
                let answer = try await evaluator.send(
                    "POST", "/v1/functions/\(name)/invoke?version=\(version)", body: Data("1".utf8),
                    headers: [("Prefer", "respond-async")])
                #expect(answer.status == 202, "\(answer.text)")
            }
        }
        return name
    }

    /// The longest that an ordinary call of other functions took, in seconds.
    private func longestCall(_ evaluator: TestEvaluator, rounds: Int = 15) async throws -> Double {
        let others = [
            try await evaluator.register(nil, "python", Self.quick, isolation: "call"),
            try await evaluator.register(
                nil, "javascript", "exports.handler = async () => 1", isolation: "call"),
            try await evaluator.register(nil, "python", Self.quick, isolation: "snapshot"),
        ]
        var longest = 0.0
        for _ in 0..<rounds {
            for name in others {
                let start = ContinuousClock.now
                let answer = try await evaluator.invoke(name)
                #expect(answer.text == "1", "\(answer.text)")
                longest = max(longest, (ContinuousClock.now - start) / .seconds(1))
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        return longest
    }

    @Test(arguments: [
        (
            "versions that hang while they load",
            "import time\ntime.sleep(60)\ndef handler(e, c): return 1"
        ),
        (
            "forks that never park",
            """
            import os, time
            os.register_at_fork(after_in_child=lambda: time.sleep(100))
            def handler(e, c): return 1
            """
        ),
        (
            "forks that compute instead",
            """
            import os
            def burn():
                while True: pass
            os.register_at_fork(after_in_child=burn)
            def handler(e, c): return 1
            """
        ),
    ])
    func `one function's snapshots leave room for others`(_ what: String, _ code: String)
        async throws
    {
        try await TestEvaluator.with(["--slots", "8", "--parked", "4", "--drain-seconds", "0"]) {
            evaluator in
            _ = try await flood(evaluator, code, versions: 9, calls: 4)
            try await Task.sleep(for: .milliseconds(700))
            let longest = try await longestCall(evaluator)
            print("\(what): the longest of other functions' calls took \(longest) s")
            // Before, they waited for as long as a snapshot may load, or for 15 s.
            #expect(longest < 2 * timeFactor)
        }
    }

    /// Calls of so many versions wait that a cell kept for each of them would take every place.
    @Test(arguments: [false, true])
    func `versions that wait to be loaded take no places`(_ areCancelled: Bool) async throws {
        try await TestEvaluator.with(["--slots", "8", "--parked", "4", "--drain-seconds", "0"]) {
            evaluator in
            let before = HostState.executors(of: evaluator.pid).count
            let name = try await flood(
                evaluator, "import time\ntime.sleep(60)\ndef handler(e, c): return 1",
                versions: 80, calls: 0, timeoutMs: 30_000)
            var callers: [RawConnection] = []
            for version in 1...80 {
                let caller = try RawConnection(evaluator.endpoint)
                try caller.send(
                    "POST /v1/functions/\(name)/invoke?version=\(version) HTTP/1.1\r\nHost: localhost\r\n"
                        + "Content-Length: 2\r\n\r\n{}")
                callers.append(caller)
            }
            try await Task.sleep(for: .milliseconds(500))
            if areCancelled { callers = [] }
            #expect(try await longestCall(evaluator, rounds: 5) < 2 * timeFactor)
            // Four snapshots that load, each with a keeper; the other functions' snapshot and its two
            // forks; and as many cells more as there are slots.
            let found = HostState.executors(of: evaluator.pid).count - before
            print("cells more than at rest: \(found)")
            #expect(found <= 4 + 3 + 8 + 4)
            withExtendedLifetime(callers) {}
        }
    }

    @Test func `a function's loading snapshots count for its own limit of calls`() async throws {
        try await TestEvaluator.with(["--slots", "8"]) { evaluator in
            let name = try await flood(
                evaluator, "import time\ntime.sleep(1)\ndef handler(e, c): return 1", versions: 3,
                calls: 1)
            try await evaluator.put(
                name,
                [
                    "runtime": "python", "isolation": "snapshot", "concurrency": 1,
                    "code": "import time\ntime.sleep(1)\ndef handler(e, c): return 2",
                ])
            let answer = try await evaluator.invoke(name)
            #expect(answer.text == "2", "\(answer.text)")
        }
    }

    @Test(arguments: ["call", "snapshot", "reuse"])
    func `calls that may take long leave slots for others`(_ isolation: String) async throws {
        try await TestEvaluator.with(["--slots", "4", "--drain-seconds", "0"]) { evaluator in
            for _ in 0..<6 {
                let name = evaluator.newName()
                try await evaluator.register(
                    name, "python", "import time\ndef handler(e, c): time.sleep(e)",
                    settings: ["timeoutMs": 100_000], isolation: isolation)
                let answer = try await evaluator.submit(name, "30")
                #expect(answer.status == 202, "\(answer.text)")
            }
            try await Task.sleep(for: .milliseconds(1500))
            let running = try await evaluator.get("/v1/calls?state=running").json["calls"]?.array
            #expect(running?.count == 3, "\(running ?? [])")
            #expect(try await longestCall(evaluator, rounds: 3) < 2 * timeFactor)
        }
    }

    @Test func `what is kept for a function goes when it is deleted`() async throws {
        try await TestEvaluator.with(["--slots", "4", "--parked", "2"]) { evaluator in
            func processes() -> Int { HostState.executors(of: evaluator.pid).count }
            func settled(_ wanted: Int) async throws -> Bool {
                for _ in 0..<Int(100 * timeFactor) {
                    if processes() == wanted { return true }
                    try await Task.sleep(for: .milliseconds(50))
                }
                return false
            }
            #expect(try await settled(2 + 2 * 2))
            for isolation in ["snapshot", "reuse"] {
                let name = try await evaluator.register(
                    nil, "python",
                    "import time\ndef handler(event, context): time.sleep(event); return 1",
                    isolation: isolation)
                #expect(try await evaluator.invoke(name, "0").text == "1")
                #expect(processes() > 6)
                // One that runs goes on to its end, and is the last.
                async let running = evaluator.invoke(name, "1")
                try await Task.sleep(for: .milliseconds(300))
                let deleted = try await evaluator.send("DELETE", "/v1/functions/\(name)")
                #expect(deleted.status == 204)
                #expect(try await running.text == "1")
                #expect(try await settled(6), "\(isolation): \(processes()) processes")
            }
        }
    }
}
