import ArgumentParser
import Foundation

struct InvokeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invoke",
        abstract: "Call a function and print its result.",
        discussion: """
            The result is printed over several lines on a terminal and as it came otherwise. \
            With --output json it is in an envelope with the call's id and state, and so is the \
            problem of a call that failed.
            """)

    @Argument(help: "The function's name.")
    var name: String

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "The event: JSON, @FILE, or - for standard input (default: null).", valueName: "json"))
    var data: String?

    @Option(help: ArgumentHelp("The version to call (default: the newest).", valueName: "n"))
    var version: Int?

    @OptionGroup var options: GlobalOptions

    func run() async throws {
        let event = try Self.event(data)
        try await options.withClient { client in
            let answer = try await client.invoke(name, version: version, event: event)
            try show(answer, Console.current)
            if answer.exitStatus != .completed { throw Failure(nil, status: answer.exitStatus) }
        }
    }

    /// The bytes of the event, checked before they are sent.
    static func event(_ data: String?) throws -> [UInt8] {
        let bytes: [UInt8]
        let origin: String
        switch data {
        case nil:
            return []
        case "-":
            bytes = Surroundings.current.readStandardInput()
            origin = "standard input"
        case let data? where data.hasPrefix("@"):
            origin = String(data.dropFirst())
            bytes = try readFile(URL(filePath: origin))
        case let data?:
            bytes = Array(data.utf8)
            origin = "--data"
        }
        do {
            _ = try JSONParser.parse(bytes)
        } catch {
            throw Failure.usage("the event in \(origin) is not JSON: \(error)")
        }
        return bytes
    }

    private func show(_ answer: CallAnswer, _ console: Console) throws {
        if options.output == .json {
            console.print(json: try answer.envelope())
            return
        }
        switch answer.outcome {
        case .result(let bytes):
            if console.isTerminal, let value = try? JSONParser.parse(bytes) {
                console.print(json: value)
            } else {
                console.print(String(decoding: bytes, as: UTF8.self))
            }
        case .problem(let problem):
            let cause = problem.cause.map { " (\($0))" } ?? ""
            console.note(
                "fnctl: \(name) \(answer.stateInWords)\(cause): \(Printable.block(problem.detail))")
            for line in problem.stack { console.note("  " + Printable.block(line)) }
            if let id = answer.callID {
                console.note("call \(id): fnctl why \(id) tells more")
            }
        }
    }
}

extension CallAnswer {
    /// The state as the rest of a sentence that begins with the function's name.
    var stateInWords: String {
        switch state {
        case "timed_out": "timed out"
        case "cancelled": "was cancelled"
        default: state
        }
    }
}
