import Foundation
import SandboxKit
import TestSupport
import Testing

/// What templates and cells have of the machine's limits.
@Suite struct TemplateLimitsTests {
    private func points(_ pid: pid_t) throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(pid)/oom_score_adj", encoding: .utf8)
        return try #require(Int(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    }

    @Test func `when memory runs out, templates and cells go before the evaluator`() async throws {
        try await TestEvaluator.with(["--slots", "2", "--parked", "2"]) { evaluator in
            let sleeping = """
                import time
                def handler(event, context):
                    time.sleep(event)
                    return 1
                """
            let fresh = try await evaluator.register(
                nil, "python", sleeping, settings: ["timeoutMs": 30_000])
            let snapshot = try await evaluator.register(
                nil, "python", sleeping, settings: ["timeoutMs": 30_000], isolation: "snapshot")
            #expect(try await evaluator.invoke(snapshot, "0").text == "1")
            async let call = evaluator.invoke(fresh, "\(timeFactor)")
            try await Task.sleep(for: .milliseconds(300) * timeFactor)
            let own = try points(evaluator.pid)
            let processes = HostState.executors(of: evaluator.pid)
            // Two templates, their cells, a keeper.
            #expect(processes.count > 5)
            for pid in processes where HostState.isRunning(pid) {
                #expect(try points(pid) == max(own, TemplatePriority.outOfMemory))
            }
            #expect(own == (try points(getpid())))
            #expect(try await call.text == "1")
        }
    }

    /// Whether the tests' evaluators may raise their own hard limit, as root may outside of some containers.
    private func canRaise() throws -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/prlimit")
        process.arguments =
            ["--nofile=1024:1024"] + TestUser.prefix
            + ["/usr/bin/prlimit", "--nofile=4096:4096", "/bin/true"]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus == 0
    }

    @Test(arguments: [1024, 3000, 4096])
    func `a low hard limit of open files is raised, enough, or told with what to do`(_ limit: Int)
        async throws
    {
        let evaluator = try await TestEvaluator(
            ["--slots", "2"],
            wrapper: ["/usr/bin/prlimit", "--nofile=\(min(limit, 1024)):\(limit)"])
        do {
            if try limit >= 3000 || canRaise() {
                try await evaluator.waitUntilReady()
                for runtime in ["python", "javascript"] {
                    let code =
                        runtime == "python"
                        ? "def handler(event, context): return 1"
                        : "exports.handler = async () => 1"
                    for isolation in ["call", "snapshot", "reuse"] {
                        let name = try await evaluator.register(
                            nil, runtime, code, settings: ["timeoutMs": 20_000],
                            isolation: isolation)
                        let answer = try await evaluator.invoke(name)
                        #expect(answer.text == "1", "\(isolation): \(answer.text)")
                    }
                }
            } else {
                var said = ""
                for _ in 0..<Int(100 * timeFactor) where !said.contains("LimitNOFILE") {
                    try await Task.sleep(for: .milliseconds(100))
                    said =
                        String(decoding: try await evaluator.get("/readyz").body, as: UTF8.self)
                        + evaluator.errorOutput
                }
                #expect(said.contains("the hard limit of open files is 1024"), "\(said)")
                #expect(said.contains("LimitNOFILE"), "\(said)")
            }
            try await evaluator.stop()
        } catch {
            try? await evaluator.stop()
            throw error
        }
    }
}
