/// Whether a call did what its case expects.
enum CaseVerdict {
    /// Longer results are cut off in a report.
    private static let maxLines = 40

    /// Lines that say what is wrong; none when the case passes.
    static func judge(_ answer: CallAnswer, against expectation: TestCase.Expectation) -> [String] {
        switch (expectation, answer.outcome) {
        case (.result(let expected), .result(let bytes)):
            return compare(expected, bytes)
        case (.result, .problem(let problem)):
            return ["expected a result, but the call \(describe(problem, answer))"] + stack(problem)
        case (.failure(let cause, _), .result(let bytes)):
            let lines = String(decoding: bytes, as: UTF8.self)
            let result = (try? JSONParser.parse(bytes))?.pretty() ?? lines
            return ["expected the cause \(cause), but the call completed:"] + indented(result)
        case (.failure(let cause, let message), .problem(let problem)):
            if problem.cause != cause {
                return ["expected the cause \(cause), but the call \(describe(problem, answer))"]
                    + stack(problem)
            }
            let actual = problem.message ?? problem.detail
            if let message, !actual.contains(message) {
                return [
                    "the message does not contain what is expected",
                    "- \(message)",
                    "+ \(Printable.line(actual))",
                ]
            }
            return []
        }
    }

    private static func compare(_ expected: JSONValue, _ bytes: [UInt8]) -> [String] {
        let actual: JSONValue
        do {
            actual = try JSONParser.parse(bytes)
        } catch {
            return ["the result is not JSON: \(error)"]
        }
        if actual == expected { return [] }
        let lines = LineDiff.lines(expected: split(expected), actual: split(actual))
        return ["the result is not the expected one (- expected, + returned)"] + capped(lines)
    }

    /// Members are sorted, since their order makes no difference.
    private static func split(_ value: JSONValue) -> [String] {
        value.pretty(sortsKeys: true).split(separator: "\n").map(String.init)
    }

    private static func describe(_ problem: Problem, _ answer: CallAnswer) -> String {
        let cause = problem.cause.map { " (\($0))" } ?? ""
        return "\(answer.stateInWords)\(cause): \(Printable.line(problem.detail))"
    }

    private static func stack(_ problem: Problem) -> [String] {
        capped(problem.stack.flatMap { indented(Printable.block($0)) })
    }

    private static func indented(_ text: String) -> [String] {
        capped(text.split(separator: "\n", omittingEmptySubsequences: false).map { "  \($0)" })
    }

    private static func capped(_ lines: [String]) -> [String] {
        if lines.count <= maxLines { return lines }
        return lines.prefix(maxLines) + ["  … and \(lines.count - maxLines) lines more"]
    }
}
