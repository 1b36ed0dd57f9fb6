import ArgumentParser
import Foundation

struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Make, list and delete the access keys of the Lambda API.",
        discussion: """
            From the first key on, every request to the Lambda API has to be signed with one. Keys are \
            seen and changed over a socket in the evaluator's data directory, which its own user and root \
            can open. Without --data-dir, the evaluator at the endpoint is asked where that is.
            """,
        subcommands: [Create.self, List.self, Delete.self], defaultSubcommand: List.self)

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Make a key; its secret is shown this once.")

        @Option(help: "What the key is for.")
        var description = ""

        @OptionGroup var place: KeyPlace
        @OptionGroup var options: GlobalOptions

        func run() async throws {
            try await place.withClient(options) { client in
                options.show(try await client.makeKey(description: description)) { key, console in
                    console.print("AWS_ACCESS_KEY_ID=\(key.id)")
                    console.print("AWS_SECRET_ACCESS_KEY=\(key.secret ?? "")")
                }
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the keys, without their secrets.")

        @OptionGroup var place: KeyPlace
        @OptionGroup var options: GlobalOptions

        func run() async throws {
            try await place.withClient(options) { client in
                options.show(try await client.keys()) { list, console in
                    guard !list.keys.isEmpty else {
                        console.note("there are no keys; the Lambda API asks for no signatures")
                        return
                    }
                    var table = Table([("key", .left), ("made", .left), ("description", .left)])
                    for key in list.keys {
                        table.add([
                            Table.Cell(key.id, .bold),
                            "\(Format.relative(key.createdAt, to: Date()))", "\(key.description)",
                        ])
                    }
                    table.print(to: console)
                }
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete", abstract: "Delete a key; what it signs is refused from then on.")

        @Argument(help: "The key's id.")
        var id: String

        @OptionGroup var place: KeyPlace
        @OptionGroup var options: GlobalOptions

        func run() async throws {
            try await place.withClient(options) { client in
                try await client.deleteKey(id)
                switch options.output {
                case .json:
                    Console.current.print(json: .object(fields: [("deleted", .string(id))]))
                case .table: Console.current.print("deleted \(id)")
                }
            }
        }
    }
}
