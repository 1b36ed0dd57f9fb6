import ArgumentParser

struct DeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete a function with all its versions.",
        discussion: "Calls that are running finish, and the records of calls stay.")

    @Argument(help: "The function's name.")
    var name: String

    @OptionGroup var options: GlobalOptions

    func run() async throws {
        try await options.withClient { client in
            try await client.delete(name)
            switch options.output {
            case .json: Console.current.print(json: .object(fields: [("deleted", .string(name))]))
            case .table: Console.current.print("deleted \(name)")
            }
        }
    }
}
