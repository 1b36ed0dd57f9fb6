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
}
