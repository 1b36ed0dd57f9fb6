import ArgumentParser

struct WhyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why",
        abstract: "Say on one screen what happened to a call, and what to try.",
        discussion: """
            With a function's name instead of a call's id: how its latest calls failed, grouped \
            by cause.
            """)

    @Argument(help: "The call's id, or a function's name.")
    var id: String

    @OptionGroup var options: GlobalOptions

    /// How many of a function's latest calls are looked at.
    private static let latest = 50

    /// Most log lines that are shown, the last ones.
    private static let logLines = 10

    func run() async throws {
        let reference = try CallReference(id)
        try await options.withClient { client in
            let id: String
            switch reference {
            case .function(let name):
                let calls = try await client.calls(function: name, limit: Self.latest)
                options.show(calls) { calls, console in
                    for line in WhyText.summary(of: name, calls) {
                        console.print(Printable.block(line))
                    }
                }
                return
            case .call(let call): id = call
            }
            let call = try await client.call(id)
            if options.output == .json {
                Console.current.print(json: call.json)
                return
            }
            let log = try await client.logs(of: id)
            Self.explain(call.model, log.model, Console.current)
        }
    }

    static func explain(_ call: CallRecord, _ log: CallLog, _ console: Console) {
        let when = "\(Format.relative(call.queuedAt)), \(call.queuedAt)"
        console.print("\(call.function) version \(call.version), \(when)")
        console.print(console.styled(Printable.line(WhyText.sentence(call)), .bold))
        for line in WhyText.stack(call) { console.print("  " + Printable.block(line)) }
        if let letter = AsyncText.replay(call) { console.print(Printable.line(letter)) }
        let attempts = AsyncText.attempts(call)
        if !attempts.isEmpty { console.print("") }
        for line in attempts { console.print(Printable.line(line)) }
        let figures = WhyText.figures(call) + AsyncText.pairs(call)
        if figures.contains(where: { $0.1 != nil }) { console.print("") }
        Table(pairs: figures).print(to: console)
        if !log.lines.isEmpty {
            console.print("")
            let shown = log.lines.suffix(logLines)
            let all = shown.count == log.lines.count ? "log" : "last \(shown.count) log lines"
            console.print("\(all):")
            for line in shown { console.print("  " + LogLineText.text(line, console)) }
        }
        if let advice = WhyAdvice.text(call) {
            console.print("")
            console.print("try: \(Printable.line(advice))")
        }
    }
}
