import NIOHTTP1

/// What is asked about calls.
extension EvaluatorClient {
    /// Runs a call and waits for its end.
    /// - Parameter key: makes a second request with it the same call.
    func invoke(
        _ name: String, version: Int?, event: [UInt8], idempotencyKey key: String? = nil
    ) async throws -> CallAnswer {
        // A call may run for 15 minutes and wait in a queue before.
        let answer = try await send(
            .POST, ["v1", "functions", name, "invoke"], [("version", version.map(String.init))],
            headers: Self.headers(idempotencyKey: key), body: event, timeoutSeconds: 3600)
        return try CallAnswer(answer) ?? { throw failure(for: answer) }()
    }

    /// Has a call accepted, to run in the background.
    func invokeLater(
        _ name: String, version: Int?, event: [UInt8], idempotencyKey key: String? = nil
    ) async throws -> Document<CallRecord> {
        let answer = try await exchange(
            .POST, ["v1", "functions", name, "invoke"], [("version", version.map(String.init))],
            headers: [("Prefer", "respond-async")] + Self.headers(idempotencyKey: key),
            body: event)
        guard answer.status == 202 else {
            throw notAnEvaluator(answer, "it ran the call instead of accepting it for later")
        }
        return try decode(answer)
    }

    private static func headers(idempotencyKey key: String?) -> [(String, String)] {
        key.map { [("Idempotency-Key", $0)] } ?? []
    }

    /// A call's record, once the call is over or the time is up.
    func call(_ id: String, waitMs: Int = 0) async throws -> Document<CallRecord> {
        try await waiting(waitMs) { wait, timeoutSeconds in
            try await get(["v1", "calls", id], [("wait", wait)], timeoutSeconds: timeoutSeconds)
        } isOver: { (call: Document<CallRecord>) in
            call.model.isOver
        }
    }

    /// The answer that the call's own `invoke` would have had.
    /// - Throws: `Failure`, also when the call has not ended in that time.
    func result(of id: String, waitMs: Int = 0) async throws -> CallAnswer {
        let answer = try await waiting(waitMs) { wait, timeoutSeconds in
            try await send(
                .GET, ["v1", "calls", id, "result"], [("wait", wait)],
                timeoutSeconds: timeoutSeconds)
        } isOver: { answer in
            Self.slug(answer) != "call-not-ended"
        }
        // Any other problem, such as a result that is kept no more, is not how the call ended.
        let ends = ["call-failed", "call-timed-out", "call-cancelled"]
        guard answer.status == 200 || ends.contains(Self.slug(answer) ?? ""),
            let ended = CallAnswer(answer)
        else { throw failure(for: answer) }
        return ended
    }

    private static func slug(_ answer: HTTPAnswer) -> String? {
        if answer.status == 200 { return nil }
        return (try? JSONParser.parse(answer.body)).flatMap(Problem.init)?.slug
    }

    /// Cancels a call and waits until its cell is gone.
    func cancel(_ id: String) async throws -> Document<CallRecord> {
        try decode(try await exchange(.DELETE, ["v1", "calls", id]))
    }

    /// - Parameter dead: only dead letters.
    func calls(
        function: String?, state: String? = nil, dead: Bool = false, limit: Int = .max
    ) async throws -> Document<[CallRecord]> {
        try await pages(
            ["v1", "calls"],
            [("function", function), ("state", state), ("dead", dead ? "true" : nil)],
            list: "calls", limit: limit)
    }

    /// Calls a dead letter's function once more with its event; the new call's record.
    func replay(_ id: String) async throws -> Document<CallRecord> {
        try decode(try await exchange(.POST, ["v1", "calls", id, "replay"]))
    }
}
