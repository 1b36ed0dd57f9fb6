import ArgumentParser

struct WhyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why",
        abstract: "Say on one screen what happened to a call, and what to try.",
        discussion: """
            With a function's name instead of a call's id: how its latest calls failed, grouped by cause.
            """)

    @Argument(help: "The call's id, or a function's name.")
    var id: String

    @OptionGroup var options: GlobalOptions

    /// How many of a function's latest calls are looked at.
    private static let latest = 50

    /// Most log lines that are shown, the last ones.
    private static let logLines = 10

    func run() async throws {
        try await options.withClient { client in
            // Names have no capital letters, and ids no small ones.
            if id.contains(where: \.isLowercase) {
                let calls = try await client.calls(
                    function: id, state: nil, limit: Self.latest)
                options.show(calls) { calls, console in
                    for line in WhyText.summary(of: id, calls) {
                        console.print(Printable.block(line))
                    }
                }
                return
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
        for line in call.stack ?? [] { console.print("  " + Printable.block(line)) }
        console.print("")
        Table(pairs: WhyText.figures(call).map { ($0.0, $0.1) }).print(to: console)
        if !log.lines.isEmpty {
            console.print("")
            let shown = log.lines.suffix(logLines)
            let all = shown.count == log.lines.count ? "log" : "last \(shown.count) log lines"
            console.print("\(all):")
            for line in shown { console.print("  " + LogLineText.text(line, console)) }
        }
        if let advice = WhyText.advice(call) {
            console.print("")
            console.print("try: \(Printable.line(advice))")
        }
    }
}
