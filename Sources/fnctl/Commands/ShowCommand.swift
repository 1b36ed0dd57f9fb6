import ArgumentParser

struct ShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a function, one version of it or all of them.")

    @Argument(help: "The function's name.")
    var name: String

    @Option(help: ArgumentHelp("The version to show (default: the newest).", valueName: "n"))
    var version: Int?

    @Flag(help: "List all versions, the newest first.")
    var versions = false

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if versions && version != nil {
            throw ValidationError("--version and --versions do not go together; leave one out")
        }
    }

    func run() async throws {
        try await options.withClient { client in
            if versions {
                options.show(try await client.versions(of: name)) { versions, console in
                    FunctionTable.make(versions).print(to: console)
                }
            } else {
                options.show(try await client.function(name, version: version)) {
                    function, console in
                    Self.details(function).print(to: console)
                }
            }
        }
    }

    static func details(_ function: FunctionRecord) -> Table {
        var pairs: [(String, String?)] = [
            ("name", function.name),
            ("version", "\(function.version)"),
            ("description", function.description),
            ("runtime", function.runtime),
            ("handler", function.handler),
            ("code", "\(Format.size(bytes: function.codeBytes)), sha256 \(function.codeSha256)"),
            ("timeout", Format.duration(ms: function.timeoutMs)),
            ("memory", "\(function.memoryMB) MB"),
            ("/tmp", "\(function.tmpMB) MB"),
            ("registered", "\(Format.relative(function.createdAt)) (\(function.createdAt))"),
        ]
        for (key, value) in (function.env ?? [:]).sorted(by: { $0.key < $1.key }) {
            pairs.append(("env", "\(key)=\(value)"))
        }
        return Table(pairs: pairs)
    }
}
