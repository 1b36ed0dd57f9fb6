/// How a call that was run ended.
struct CallAnswer: Sendable {
    enum Outcome: Sendable {
        /// The handler's result, as it produced it.
        case result([UInt8])
        case problem(Problem)
    }

    let callID: String?
    let state: String
    let runMs: Double?
    let outcome: Outcome

    /// Nil when the answer does not belong to a call, as for an unknown function.
    init?(_ answer: HTTPAnswer) {
        callID = answer.header("cloister-call-id")
        runMs = answer.header("cloister-run-ms").flatMap(Double.init)
        if answer.status == 200 {
            state = answer.header("cloister-call-state") ?? "completed"
            outcome = .result(answer.body)
            return
        }
        guard let json = try? JSONParser.parse(answer.body), let problem = Problem(json),
            let state = problem.state ?? answer.header("cloister-call-state")
        else { return nil }
        self.state = state
        outcome = .problem(problem)
    }

    /// The status that `fnctl invoke` exits with.
    var exitStatus: ExitStatus {
        switch (outcome, state) {
        case (.result, _): .completed
        case (.problem, "timed_out"): .timedOut
        case (.problem, _): .failed
        }
    }

    /// The call as one document, for `--output json`.
    func envelope() throws -> JSONValue {
        var fields: [(String, JSONValue?)] = [
            ("callId", callID.map(JSONValue.string)), ("state", .string(state)),
            ("runMs", runMs.map(JSONValue.double)),
        ]
        switch outcome {
        case .result(let bytes): fields.append(("result", try Self.parse(bytes)))
        case .problem(let problem): fields.append(("problem", problem.json))
        }
        return .object(fields: fields)
    }

    /// Parses a handler's result.
    static func parse(_ bytes: [UInt8]) throws -> JSONValue {
        do {
            return try JSONParser.parse(bytes)
        } catch {
            throw Failure(
                "the result is not JSON: \(error); run invoke without --output json to see it")
        }
    }
}
