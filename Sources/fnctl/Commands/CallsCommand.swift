import ArgumentParser
import Foundation

enum CallState: String, ExpressibleByArgument, CaseIterable, Sendable {
    case queued, running, completed, failed
    case timedOut = "timed_out"
    case cancelled
}

struct CallsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calls", abstract: "List calls, the newest first.")

    @Option(help: ArgumentHelp("Only calls of this function.", valueName: "name"))
    var function: String?

    @Option(help: "Only calls in this state.")
    var state: CallState?

    @Flag(help: "Only dead letters: asynchronous calls that failed for good.")
    var dead = false

    @Option(help: ArgumentHelp("At most so many.", valueName: "n"))
    var limit: Int = 20

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        guard (1...100_000).contains(limit) else {
            throw ValidationError("--limit is \(limit); it must be from 1 to 100000")
        }
    }

    func run() async throws {
        try await options.withClient { client in
            let calls = try await client.calls(
                function: function, state: state?.rawValue, dead: dead, limit: limit)
            options.show(calls) { calls, console in
                if calls.isEmpty {
                    console.note("there are no such \(dead ? "dead letters" : "calls")")
                } else {
                    Self.table(calls).print(to: console)
                }
            }
        }
    }

    static func table(_ calls: [CallRecord], now: Date = Date()) -> Table {
        let anyAsync = calls.contains { $0.async == true }
        let attempt: [(String, Table.Alignment)] = anyAsync ? [("attempt", .left)] : []
        var table = Table(
            [
                ("id", .left), ("function", .left), ("version", .right), ("state", .left),
                ("cause", .left),
            ] + attempt + [("run", .right), ("memory", .right), ("queued", .left)])
        for call in calls {
            let attempt = anyAsync ? [Table.Cell(AsyncText.attempt(call) ?? "")] : []
            table.add(
                [
                    "\(call.id)", "\(call.function)", "\(call.version)",
                    Table.Cell(call.state, TextStyle.ofCall(state: call.state)),
                    "\(call.cause ?? "")",
                ] + attempt + [
                    "\(call.runMs.map(Format.duration) ?? "")",
                    "\(call.peakMemoryBytes.map(Format.size) ?? "")",
                    "\(Format.relative(call.queuedAt, to: now))",
                ])
        }
        return table
    }
}

extension TextStyle {
    static func ofCall(state: String) -> TextStyle? {
        switch state {
        case "completed": .green
        case "failed", "timed_out": .red
        case "cancelled": .yellow
        default: nil
        }
    }
}
