import ArgumentParser

struct LogsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Print what a call wrote to its standard output and error.")

    @Argument(help: "The call's id.")
    var id: String

    @OptionGroup var options: GlobalOptions

    func run() async throws {
        try await options.withClient { client in
            options.show(try await client.logs(of: id)) { log, console in
                for line in log.lines { console.print(Self.text(line, console)) }
                if log.truncated {
                    console.note("the call wrote more than is kept; the rest is lost")
                }
                if log.lines.isEmpty { console.note("the call wrote nothing") }
            }
        }
    }

    /// The time of day, the stream and the text.
    static func text(_ line: LogLine, _ console: Console) -> String {
        let time =
            line.time.split(separator: "T").last.map { String($0.prefix { $0 != "Z" }) }
            ?? line.time
        let isError = line.stream == "stderr"
        let stream = console.styled(line.stream, isError ? .yellow : .dim)
        return "\(console.styled(time, .dim))  \(stream)  \(Printable.block(line.text))"
    }
}
