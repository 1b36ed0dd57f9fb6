import Foundation
import Testing

import TestSupport

/// Many callers at once, for `CLOISTER_LOAD_SECONDS` (5 by default).
@Suite struct LoadTests {
    @Test func `200 callers get their own answers and leave nothing behind`() async throws {
        let seconds =
            ProcessInfo.processInfo.environment["CLOISTER_LOAD_SECONDS"].flatMap(Double.init) ?? 5
        try await TestEvaluator.with(["--log-level", "warning"]) { evaluator in
            let functions = [
                try await evaluator.register(
                    nil, "python",
                    "def handler(event, context):\n    print(event)\n    return event"),
                try await evaluator.register(
                    nil, "javascript", "exports.handler = async (event) => event"),
                try await evaluator.register(
                    nil, "python", "def handler(event, context):\n    raise ValueError(event)"),
                try await evaluator.register(
                    nil, "javascript", "exports.handler = async () => process.exit(9)"),
            ]
            for name in functions { _ = try await evaluator.invoke(name, "1") }
            let before = try await restingState(evaluator)
            let end = ContinuousClock.now + .seconds(seconds)
            let tally = try await withThrowingTaskGroup(of: Tally.self) { group in
                for caller in 0..<200 {
                    group.addTask {
                        var tally = Tally()
                        while ContinuousClock.now < end {
                            let kind = (caller + tally.calls) % functions.count
                            let event = "\(caller * 1_000_000 + tally.calls)"
                            tally.count(
                                kind, event, try await evaluator.invoke(functions[kind], event))
                        }
                        return tally
                    }
                }
                return try await group.reduce(into: Tally()) { $0.add($1) }
            }
            print(
                "\(tally.calls) calls from 200 callers in \(seconds) s, \(tally.wrong.count) wrong")
            #expect(tally.calls > Int(200 / timeFactor))
            #expect(tally.wrong.isEmpty, "\(tally.wrong.prefix(3))")
            let after = try await restingState(evaluator)
            #expect(after.cells == before.cells)
            #expect(after.groups == before.groups)
            #expect(after.mounts == before.mounts)
            // Connections of the clients' pool may still be open.
            #expect(after.descriptors <= before.descriptors + 210, "\(before) / \(after)")
        }
    }

    /// The state once no call runs and the parked cells are complete.
    private func restingState(_ evaluator: TestEvaluator) async throws -> HostState {
        var last = HostState.of(evaluator)
        for _ in 0..<Int(100 * timeFactor) {
            try await Task.sleep(for: .milliseconds(100))
            let templates = try await evaluator.get("/readyz").json["templates"]?.array ?? []
            let now = HostState.of(evaluator)
            if templates.allSatisfy({ $0["parked"]?.int == 4 }), now.cells == last.cells {
                return now
            }
            last = now
        }
        return last
    }
}

private struct Tally: Sendable {
    var calls = 0
    var wrong: [String] = []

    mutating func count(_ kind: Int, _ event: String, _ answer: TestEvaluator.Answer) {
        calls += 1
        let right =
            switch kind {
            case 0, 1: answer.status == 200 && answer.text == event
            case 2: answer.status == 502 && answer.text.contains("ValueError: \(event)")
            default: answer.status == 502 && answer.text.contains("code 9")
            }
        if !right { wrong.append("\(kind) \(event): \(answer.status) \(answer.text.prefix(300))") }
    }

    mutating func add(_ other: Tally) {
        calls += other.calls
        wrong += other.wrong
    }
}
