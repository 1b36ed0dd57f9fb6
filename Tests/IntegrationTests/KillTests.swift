import Foundation
import Synchronization
import TestSupport
import Testing

/// Kills the evaluator at random moments under load, as often as `CLOISTER_TEST_KILLS` says, and sees
/// that no accepted call is lost, and that none runs more often than it may.
@Suite struct KillTests {
    private static let kills =
        ProcessInfo.processInfo.environment["CLOISTER_TEST_KILLS"].flatMap { Int($0) } ?? 4
    private static let seed =
        ProcessInfo.processInfo.environment["CLOISTER_TEST_SEED"].flatMap { UInt64($0) } ?? 4
    private static let attempts = 3

    private static let handler = """
        import time
        def handler(event, context):
            time.sleep(event["sleep"])
            if event["fails"]:
                raise ValueError(event["key"])
            return event["key"]
        """

    /// What a caller knows of its calls.
    private final class Ledger: Sendable {
        let entries = Mutex(Entries())
    }

    private struct Entries {
        /// Keys that were asked for without an answer, to be asked for again.
        var unanswered: [String] = []
        /// The call of each key that was accepted.
        var accepted: [String: String] = [:]
        /// Answers that were neither 202 nor a refusal that may be.
        var oddities: [String] = []
    }

    @Test func `no accepted call is lost or run too often, however often the evaluator is killed`()
        async throws
    {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("cloister-test-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var random = SplitMix64(state: Self.seed)
        let ledger = Ledger()
        var begun: [String: Int] = [:]
        for round in 0..<Self.kills {
            let evaluator = try await start(folder)
            if round == 0 { try await register(evaluator) }
            let delay = Duration.milliseconds(Int.random(in: 20...1500, using: &random))
            let seeds = (0..<4).map { _ in random.next() }
            await withTaskGroup { group in
                for (caller, seed) in seeds.enumerated() {
                    group.addTask {
                        await Self.submit(evaluator, "\(round)-\(caller)", seed, ledger)
                    }
                }
                try? await Task.sleep(for: delay * timeFactor)
                kill(evaluator.pid, SIGKILL)
                group.cancelAll()
            }
            try await evaluator.waitForEnd()
            Self.count(evaluator.errorOutput, &begun)
            evaluator.removeFolder()
        }
        let evaluator = try await start(folder)
        try await evaluator.waitUntilReady()
        let (accepted, unanswered, oddities) = ledger.entries.withLock {
            ($0.accepted, $0.unanswered, $0.oddities)
        }
        #expect(oddities == [])
        // A key whose request broke off stands for the call that was made, if one was.
        for key in unanswered.prefix(50) {
            let answer = try await Self.invoke(evaluator, key, sleep: 0, fails: false)
            #expect(answer.status == 202 || answer.status == 422, "\(answer.text)")
        }
        // Kills come faster than calls: what has piled up runs now.
        for state in ["queued", "running"] {
            try await until(seconds: 60 + Double(Self.kills) * 6) {
                let page = try await evaluator.get("/v1/calls?limit=1&state=\(state)").json
                return page["calls"]?[0] == nil
            }
        }
        var states: [String: Int] = [:]
        var most = 0
        for (key, id) in accepted {
            let record = try await evaluator.get("/v1/calls/\(id)").json
            let state = record["state"]?.string ?? "unknown"
            states[state + (record["cause"]?.string.map { " \($0)" } ?? ""), default: 0] += 1
            #expect(
                ["completed", "failed"].contains(state), "\(id): \(record) \(evaluator.errorOutput)"
            )
            #expect(record["dead"]?.bool == (state == "failed" ? true : nil))
            if state == "completed" {
                let result = try await evaluator.get("/v1/calls/\(id)/result").text
                #expect(result == "\"\(key)\"")
            }
            #expect((record["attempt"]?.int ?? 99) <= Self.attempts)
        }
        Self.count(evaluator.errorOutput, &begun)
        try await evaluator.stop()
        for (id, count) in begun {
            #expect(count <= Self.attempts, "\(id) was begun \(count) times")
            most = max(most, count)
        }
        // What has completed was begun at least once: the count counts.
        #expect(begun.count >= states["completed"] ?? 0)
        print(
            "\(Self.kills) kills (seed \(Self.seed)): \(accepted.count) accepted, \(states), "
                + "\(unanswered.count) requests broke off, at most \(most) attempts of one call")
    }

    private func start(_ folder: String) async throws -> TestEvaluator {
        try await TestEvaluator(
            ["--slots", "8", "--parked", "4", "--log-level", "debug"], dataFolder: folder)
    }

    private func register(_ evaluator: TestEvaluator) async throws {
        try await evaluator.put(
            "survivor",
            [
                "runtime": "python", "code": Self.handler, "timeoutMs": Int(5000 * timeFactor),
                "async": ["attempts": Self.attempts, "backoffMs": 20],
            ])
    }

    private static func invoke(
        _ evaluator: TestEvaluator, _ key: String, sleep: Double, fails: Bool
    ) async throws -> TestEvaluator.Answer {
        try await evaluator.send(
            "POST", "/v1/functions/survivor/invoke",
            body: Data(#"{"key": "\#(key)", "sleep": \#(sleep), "fails": \#(fails)}"#.utf8),
            headers: [("Prefer", "respond-async"), ("Idempotency-Key", key)])
    }

    /// Submits calls one after the other until the evaluator is gone.
    private static func submit(
        _ evaluator: TestEvaluator, _ name: String, _ seed: UInt64, _ ledger: Ledger
    ) async {
        var random = SplitMix64(state: seed)
        var number = 0
        while !Task.isCancelled {
            number += 1
            let key = "\(name)-\(number)"
            do {
                let answer = try await invoke(
                    evaluator, key, sleep: Double(Int.random(in: 0...40, using: &random)) / 1000,
                    fails: Int.random(in: 0..<10, using: &random) == 0)
                ledger.entries.withLock { ledger in
                    switch answer.status {
                    case 202: ledger.accepted[key] = answer.callID
                    // Not started, or stopping.
                    case 503: break
                    default: ledger.oddities.append(answer.text)
                    }
                }
            } catch {
                ledger.entries.withLock { $0.unanswered.append(key) }
                return
            }
        }
    }

    /// Counts the attempts that an evaluator said it began, each before its cell was given the call.
    private static func count(_ output: String, _ begun: inout [String: Int]) {
        for line in output.split(separator: "\n") where line.contains("an attempt begins") {
            guard let range = line.range(of: "call=") else { continue }
            begun[String(line[range.upperBound...].prefix(26)), default: 0] += 1
        }
    }
}

/// Random numbers that a seed decides (Steele, Lea and Flood's SplitMix64).
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
