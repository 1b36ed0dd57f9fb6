import ExecutorSupervisor
import Foundation
import TestSupport
import Testing

/// docs/causes.md shows, for every cause, a function that comes to it and what `fnctl why` says then.
/// This test does all of it against a real evaluator, and the page has to be what comes out. With
/// `CLOISTER_TEST_UPDATE=1`, as in `make docs`, it writes the page.
@Suite struct CausesTests {
    /// Two threads that run at the same time are needed to use more CPU time than passes.
    private static let hasTwoCores = ProcessInfo.processInfo.activeProcessorCount > 1

    @Test(.enabled(if: hasTwoCores, "one core cannot use more CPU time than passes"))
    func `the page of causes is what users see`() async throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("cloister-test-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let kept = KeptPage("docs/causes.md")
        var page = CausesPage()
        var evaluator = try await TestEvaluator(dataFolder: folder)
        do {
            for example in CauseExample.all {
                try await evaluator.waitUntilReady()
                try await register(example, evaluator)
                var (id, cause) = ("", String?.none)
                for _ in 0..<2 where cause != example.cause.rawValue {
                    id = try await provoke(example, &evaluator, folder)
                    cause = try await evaluator.ended(id)["cause"]?.string
                }
                if example.cause == .cpuLimit, cause == "wall_timeout",
                    let old = kept.section("cpu_limit")
                {
                    page.kept[.cpuLimit] = old
                    withKnownIssue("the machine is too busy to use more CPU time than passes") {
                        #expect(cause == example.cause.rawValue)
                    }
                    continue
                }
                try #require(cause == example.cause.rawValue, "\(id) \(evaluator.errorOutput)")
                let why = try await Fnctl.run("why", id, on: evaluator)
                try #require(why.status == 0, "\(why.errors)")
                page.examples.append((example, "$ fnctl why \(id)\n\(why.text)"))
            }
            try await evaluator.stop()
        } catch {
            try? await evaluator.stop()
            throw error
        }
        for cause in CallCause.allCases {
            #expect(page.causes.contains(cause), "docs/causes.md has no example of \(cause)")
        }
        let difference = try kept.difference(from: page.text)
        #expect(difference == nil, "\(difference ?? "")")
    }

    private func register(_ example: CauseExample, _ evaluator: TestEvaluator) async throws {
        var fields: [String: Any] = example.settings
        fields["runtime"] = example.runtime
        fields["code"] = example.source + "\n"
        fields["timeoutMs"] = Int(Double(example.settings["timeoutMs"] ?? 3000) * timeFactor)
        if example.provocation == .waitTooLong { fields["async"] = ["maxAgeMs": 5000] }
        try await evaluator.put(example.function, fields)
    }

    /// - Returns: the id of the call that comes to the cause.
    private func provoke(
        _ example: CauseExample, _ evaluator: inout TestEvaluator, _ folder: String
    ) async throws -> String {
        let name = example.function
        if case .call = example.provocation {
            return try await evaluator.invoke(name, example.event, seconds: 180).callID
        }
        // What waits for its turn among asynchronous calls waits for another one of those.
        let isAsync = example.provocation == .waitTooLong
        let caller = Task { [evaluator] in
            try? await isAsync ? evaluator.submit(name) : evaluator.invoke(name)
        }
        let id = try await running(name, evaluator)
        var result = id
        switch example.provocation {
        case .call: break
        case .compute:
            // Before whatever else the machine does, as far as the tester may say so; sched(7) has it.
            for pid in HostState.executors(of: evaluator.pid) {
                let file = FileHandle(forWritingAtPath: "/proc/\(pid)/autogroup")
                try? file?.write(contentsOf: Data("-20".utf8))
            }
        case .cancel:
            let cancel = try await Fnctl.run("cancel", id, on: evaluator)
            try #require(cancel.status == 0, "\(cancel.errors)")
        case .waitTooLong:
            result = try await evaluator.submit(name).callID
            _ = try await evaluator.ended(result)
            _ = try await evaluator.send("DELETE", "/v1/calls/\(id)")
        case .killTemplate:
            let template = try #require(
                HostState.children(of: evaluator.pid).first {
                    HostState.commandLine($0).contains("/\(example.runtime)/")
                })
            kill(template, SIGKILL)
        case .killEvaluator:
            // What became of a call is on the disk a tenth of a second later.
            try await Task.sleep(for: .milliseconds(500) * timeFactor)
            kill(evaluator.pid, SIGKILL)
            try await evaluator.waitForEnd()
            evaluator.removeFolder()
            evaluator = try await TestEvaluator(dataFolder: folder)
        }
        _ = await caller.value
        return result
    }

    private func running(_ name: String, _ evaluator: TestEvaluator) async throws -> String {
        var found: String?
        for _ in 0..<Int(1000 * timeFactor) where found == nil {
            let calls = try await evaluator.get("/v1/calls?function=\(name)&state=running")
            found = try calls.json["calls"]?.array?.first?["id"]?.string
            try await Task.sleep(for: .milliseconds(20))
        }
        return try #require(found, "no call of \(name) runs")
    }
}
