import ArgumentParser

struct CancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Cancel a call that is queued or running.",
        discussion:
            "Returns when the call's process is gone. Its caller is told that it was cancelled.")

    @Argument(help: "The call's id.")
    var id: String

    @OptionGroup var options: GlobalOptions

    func run() async throws {
        try await options.withClient { client in
            options.show(try await client.cancel(id)) { call, console in
                console.print("\(call.id) is \(call.state)")
            }
        }
    }
}
