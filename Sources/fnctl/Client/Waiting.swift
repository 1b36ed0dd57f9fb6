/// Requests that the evaluator answers when a call is over.
extension EvaluatorClient {
    /// The longest that one request may wait.
    private static let maxWaitMs = 60_000

    /// Asks until the answer is about a call that is over, or the time is up.
    /// - Parameters:
    ///   - ask: sends one request, given its `wait` and how long to wait for the answer.
    ///   - isOver: whether there is nothing more to wait for.
    /// - Returns: the last answer.
    func waiting<Answer>(
        _ totalMs: Int, ask: (_ wait: String?, _ timeoutSeconds: Int64) async throws -> Answer,
        isOver: (Answer) -> Bool
    ) async throws -> Answer {
        guard totalMs > 0 else { return try await ask(nil, 30) }
        let clock = ContinuousClock()
        var began = clock.now
        let end = began + .milliseconds(totalMs)
        while true {
            let rest = max(1, Int(((end - began) / .milliseconds(1)).rounded(.up)))
            let waitMs = min(rest, Self.maxWaitMs)
            let answer = try await ask("\(waitMs)ms", Int64(waitMs / 1000 + 30))
            let now = clock.now
            if isOver(answer) || now >= end { return answer }
            // Without a pause, a server that does not wait would be asked without end.
            if now - began < .milliseconds(waitMs) {
                try await Task.sleep(for: min(.milliseconds(250), end - now))
            }
            began = clock.now
        }
    }
}
