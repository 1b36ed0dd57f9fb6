import ArgumentParser

struct ResultCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "result",
        abstract: "Print the result of an asynchronous call.",
        discussion: """
            Prints what fnctl invoke would have printed, and exits as it would have. Results are \
            kept of asynchronous calls and of those with an idempotency key.
            """)

    @Argument(help: "The call's id.")
    var id: String

    @OptionGroup var wait: WaitOption
    @OptionGroup var options: GlobalOptions

    func run() async throws {
        try await options.withClient { client in
            let answer = try await client.result(of: id, waitMs: wait.milliseconds ?? 0)
            try answer.show("call \(id)", as: options.output, Console.current)
            if answer.exitStatus != .completed { throw Failure(nil, status: answer.exitStatus) }
        }
    }
}
