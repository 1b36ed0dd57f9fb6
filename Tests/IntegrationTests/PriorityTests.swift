import Foundation
import TestSupport
import Testing

/// The weight of a call beside others of its function.
@Suite struct PriorityTests {
    @Test func `calls beside another of their function have a lower priority, for good`()
        async throws
    {
        let code = """
            import os, time
            def handler(event, context):
                before = os.getpriority(os.PRIO_PROCESS, 0)
                try:
                    os.setpriority(os.PRIO_PROCESS, 0, 0)
                except PermissionError:
                    pass
                time.sleep(event)
                return [before, os.getpriority(os.PRIO_PROCESS, 0)]
            """
        try await TestEvaluator.with { evaluator in
            let name = try await evaluator.register(
                nil, "python", code, settings: ["timeoutMs": 20_000])
            async let first = evaluator.invoke(name, "\(2 * timeFactor)")
            try await Task.sleep(for: .milliseconds(500) * timeFactor)
            let second = try await evaluator.invoke(name, "0")
            #expect(second.text == "[15, 15]", "\(second.text)")
            #expect(try await first.text == "[5, 5]")
            let third = try await evaluator.invoke(name, "0")
            #expect(third.text == "[5, 5]", "\(third.text)")
        }
    }

    @Test(.enabled(if: Slices.canBeAsked, "processes ask for slices since Linux 6.12"))
    func `cells wait with short slices, and code that runs for long has common ones`() async throws
    {
        try await TestEvaluator.with(["--slots", "2", "--parked", "2"]) { evaluator in
            let name = try await evaluator.register(
                nil, "python",
                """
                import threading, time
                def handler(event, context):
                    threading.Thread(target=time.sleep, args=(event,)).start()
                    time.sleep(event)
                """, settings: ["timeoutMs": 20_000])
            let template = try #require(
                HostState.children(of: evaluator.pid).first {
                    HostState.commandLine($0).contains("/python/")
                })
            let common = try #require(Slices.nanoseconds(of: template))
            func slices() -> [Int] {
                HostState.children(of: template).flatMap { Slices.ofThreads(of: $0) }
            }
            #expect(common > 100_000 && slices() == [100_000, 100_000], "\(slices())")
            async let call = evaluator.invoke(name, "\(3 * timeFactor)")
            for _ in 0..<Int(200 * timeFactor) where !slices().contains(common) {
                try await Task.sleep(for: .milliseconds(10))
            }
            // Those of the handler's thread, and of the one that it has started.
            #expect(slices().filter { $0 == common }.count == 2, "\(slices())")
            #expect(try await call.status == 200)
        }
    }
}

/// For how long the kernel lets processes run at a time.
private enum Slices {
    static var canBeAsked: Bool {
        var name = utsname()
        uname(&name)
        let release = withUnsafeBytes(of: &name.release) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
        return nanoseconds(of: getpid()) != nil && !numbers.lexicographicallyPrecedes([6, 12])
    }

    static func ofThreads(of pid: pid_t) -> [Int] {
        let threads = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")
        return (threads ?? []).compactMap { pid_t($0) }.compactMap { nanoseconds(of: $0) }
    }

    /// As proc(5) has it where the kernel tells it.
    static func nanoseconds(of thread: pid_t) -> Int? {
        let text = (try? String(contentsOfFile: "/proc/\(thread)/sched", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("se.slice") }
        return line?.split(separator: " ").last.flatMap { Int($0) }
    }
}
