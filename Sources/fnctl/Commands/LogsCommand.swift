import ArgumentParser

enum LogLevel: String, ExpressibleByArgument, CaseIterable, Sendable {
    case trace, debug, info, warn, error, fatal
}

struct LogsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Print what calls wrote to their standard output and error.",
        discussion: """
            With a call's id: all that the call wrote. With a function's name: the newest lines \
            of all its calls, each with the end of its call's id. The oldest is printed first.

            --follow prints lines as they are written: a call's until it is over, a function's \
            until it is interrupted. It connects again when the connection breaks.

            With --output json each line is a JSON object. Times are UTC.
            """)

    @Argument(help: "The call's id, or a function's name.")
    var id: String

    @Flag(name: [.short, .long], help: "Go on with lines as they are written.")
    var follow = false

    @Option(
        help: ArgumentHelp(
            "At most so many lines, the newest (default by name: 100, or 0 with --follow).",
            valueName: "n"))
    var limit: Int?

    @Option(help: ArgumentHelp("By name: only lines of this call.", valueName: "id"))
    var call: String?

    @Option(help: "Only lines of this level or a graver one; without a level a line is info.")
    var level: LogLevel?

    @Option(help: "Only lines that contain this, in any case.")
    var text: String?

    @Option(
        help: ArgumentHelp("Only lines from then on: RFC 3339, or 10m, 2h, 1d.", valueName: "time"))
    var since: PointInTime?

    @Option(help: ArgumentHelp("Only lines until then.", valueName: "time"))
    var until: PointInTime?

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if let limit, !(1...100_000).contains(limit) {
            throw ValidationError("--limit is \(limit); it must be from 1 to 100000")
        }
        if follow && until != nil {
            throw ValidationError("--follow has no end; leave out --until, or --follow")
        }
        if follow && since != nil {
            throw ValidationError(
                "--follow goes on from now; leave out --since, or say with --limit how many "
                    + "lines from before to print first")
        }
        if let since, let until, since.date > until.date {
            throw ValidationError("--since is after --until; swap them")
        }
    }

    func run() async throws {
        var filter = LogFilter(
            call: call, level: level?.rawValue, text: text,
            since: since.map { Format.rfc3339($0.date) },
            until: until.map { Format.rfc3339($0.date) })
        var before = limit
        switch try CallReference(id) {
        case .call(let id):
            guard call == nil else {
                throw Failure.usage("--call goes with a function's name; leave it out")
            }
            filter.call = id
        case .function(let name):
            filter.function = name
            before = limit ?? (follow ? (call == nil ? 0 : nil) : 100)
        }
        let console = Console.current
        let screen = LogScreen(
            console: console, output: options.output, namesCalls: filter.function != nil)
        try await options.withClient { [filter, before] client in
            let follower = LogFollower(
                client: client, filter: filter, before: before, screen: screen, console: console)
            if follow {
                try await follower.run()
            } else {
                let lines = try await follower.stored(limit: before)
                await screen.show(stored: lines)
                if lines.json["truncated"] == .bool(true) {
                    console.note("the call wrote more than is kept; the rest is lost")
                } else if lines.model.isEmpty {
                    console.note(
                        filter.isWholeCall ? "the call wrote nothing" : "there are no such lines")
                }
            }
        }
    }
}
