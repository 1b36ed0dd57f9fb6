extension CallAnswer {
    /// Prints the result, or on standard error why there is none.
    /// - Parameter subject: what was called, for the beginning of a sentence.
    func show(_ subject: String, as output: OutputFormat, _ console: Console) throws {
        if output == .json {
            console.print(json: try envelope())
            return
        }
        switch outcome {
        case .result(let bytes):
            if console.isTerminal, let value = try? JSONParser.parse(bytes) {
                console.print(json: value)
            } else {
                console.print(String(decoding: bytes, as: UTF8.self))
            }
        case .problem(let problem):
            let cause = problem.cause.map { " (\($0))" } ?? ""
            console.note(
                "fnctl: \(subject) \(stateInWords)\(cause): \(Printable.block(problem.detail))")
            for line in problem.stack { console.note("  " + Printable.block(line)) }
            if let id = callID {
                console.note("call \(id): fnctl why \(id) tells more")
            }
        }
    }

    /// The state as the rest of a sentence that begins with the function's name.
    var stateInWords: String {
        switch state {
        case "timed_out": "timed out"
        case "cancelled": "was cancelled"
        default: state
        }
    }
}
