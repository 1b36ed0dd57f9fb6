/// One evaluator for all tests that do not harm it.
public enum SharedEvaluator {
    private static let started = Task {
        let evaluator = try await TestEvaluator()
        try await evaluator.waitUntilReady()
        return evaluator
    }

    public static func get() async throws -> TestEvaluator { try await started.value }
}
