import ExecutorSupervisor

/// docs/causes.md: a section for every cause, with its examples and what was seen of them.
struct CausesPage {
    var examples: [(example: CauseExample, screen: String)] = []
    /// Sections that stay as they are.
    var kept: [CallCause: String] = [:]

    var causes: Set<CallCause> { Set(examples.map(\.example.cause)).union(kept.keys) }

    var text: String {
        ([Self.head, table] + CallCause.allCases.map(section)).joined(separator: "\n")
    }

    private static let head = """
        # Why a call did not complete

        A call that did not complete has one cause. `fnctl why ID` says on one screen what happened,
        what the call used of what it was allowed, what it printed last, and what to try; `fnctl why
        NAME` does so for a function's latest failures. The cause is in the call's record and in the
        answer to its caller too ([api.md](api.md)); how it is found is in
        [architecture.md](architecture.md#how-the-cause-is-found).

        Every screen on this page is real: a test registers these functions, provokes their causes,
        and fails when `fnctl` prints something else. Ids, times and figures are those of one run.

        """

    private var table: String {
        let rows = CallCause.allCases.map {
            "| [`\($0.rawValue)`](#\($0.rawValue)) | \($0.text.short) |"
        }
        return "| cause | in short |\n|---|---|\n" + rows.joined(separator: "\n") + "\n"
    }

    private func section(_ cause: CallCause) -> String {
        if let kept = kept[cause] { return kept }
        let shown = examples.filter { $0.example.cause == cause }.map { example, screen in
            """

            \(example.lead)

            ```\(example.runtime == "python" ? "python" : "js")
            \(example.source)
            ```

            ```text
            \(screen)```

            """
        }
        return "## \(cause.rawValue)\n\n\(cause.text.long)\n" + shown.joined()
    }
}
