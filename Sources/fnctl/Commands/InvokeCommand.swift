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

            With --async the call is accepted and runs in the background, also when the \
            evaluator is restarted meanwhile. Its id is printed, which fnctl result, call and why \
            take.
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

    @Flag(name: .customLong("async"), help: "Print the call's id and do not wait for its end.")
    var isAsync = false

    @Option(
        help: ArgumentHelp(
            "The same key within a day is the same call, which runs once.", valueName: "key"))
    var idempotencyKey: String?

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        guard let key = idempotencyKey else { return }
        guard (1...255).contains(key.utf8.count),
            key.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
            throw ValidationError(
                "--idempotency-key must be 1 to 255 visible ASCII characters, without spaces")
        }
    }

    func run() async throws {
        let event = try Self.event(data)
        try await options.withClient { client in
            if isAsync {
                show(
                    try await client.invokeLater(
                        name, version: version, event: event, idempotencyKey: idempotencyKey))
                return
            }
            let answer = try await client.invoke(
                name, version: version, event: event, idempotencyKey: idempotencyKey)
            try answer.show(name, as: options.output, Console.current)
            if answer.exitStatus != .completed { throw Failure(nil, status: answer.exitStatus) }
        }
    }

    /// The id alone, for a script; a person is told what to do with it.
    private func show(_ call: Document<CallRecord>) {
        options.show(call) { call, console in
            let id = Printable.line(call.id)
            console.print(id)
            guard console.isTerminal else { return }
            console.note(
                console.styled(
                    "fnctl why \(id) tells what becomes of it, and fnctl result \(id) --wait 1m "
                        + "waits for its result", .dim))
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
}
