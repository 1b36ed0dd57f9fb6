/// Prints log lines, each of them once.
actor LogScreen {
    private let console: Console
    private let output: OutputFormat
    private let namesCalls: Bool
    private var shown = ShownLines()

    /// The time of the latest line that was shown.
    private(set) var latest: String?
    /// How the latest attempt ended, unless a line came after that.
    private(set) var end: LogEvent.End?

    init(console: Console, output: OutputFormat, namesCalls: Bool) {
        self.console = console
        self.output = output
        self.namesCalls = namesCalls
    }

    /// Shows stored lines, in their order, but for those that were shown.
    /// - Parameter last: so many at most, the last ones; the others count as shown.
    func show(stored: Document<[LogLine]>, last: Int = .max) {
        for line in shown.unseen(stored).suffix(last) { print(line) }
    }

    func show(_ event: LogEvent) {
        switch event {
        case .line(let line):
            end = nil
            if shown.isUnseen(live: line.model) { print(line) }
        case .end(let end):
            self.end = end
            guard output == .table, end.state != "completed" else { return }
            let cause = end.cause.map { " (\($0))" } ?? ""
            console.note(Printable.line("call \(end.call): \(end.state)\(cause)"))
        case .lost(let count):
            console.note("fnctl: \(count) events were missed, because they are read too slowly")
        }
    }

    private func print(_ line: Document<LogLine>) {
        if latest ?? "" < line.model.time { latest = line.model.time }
        switch output {
        case .json: console.print(line.json.compact)
        case .table:
            console.print(LogLineText.text(line.model, console, namesCall: namesCalls))
        }
    }
}
