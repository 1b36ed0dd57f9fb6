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
            ("concurrency", function.concurrency.map { "\($0) at once" }),
            ("isolation", function.isolation),
            ("async", function.async.flatMap(Self.retries)),
            ("retry on", function.async?.retryOn.map { $0.joined(separator: ", ") }),
            ("on success", function.async?.onSuccess),
            ("on failure", function.async?.onFailure),
            ("failing", function.failing.map { FunctionTable.failing($0) }),
            ("registered", "\(Format.relative(function.createdAt)) (\(function.createdAt))"),
        ]
        for (key, value) in (function.env ?? [:]).sorted(by: { $0.key < $1.key }) {
            pairs.append(("env", "\(key)=\(value)"))
        }
        for name in (function.secretEnv ?? []).sorted() { pairs.append(("secret", name)) }
        return Table(pairs: pairs)
    }

    private static func retries(_ async: FunctionRecord.Async) -> String? {
        let parts = [
            async.attempts.map { "\($0) attempt\($0 == 1 ? "" : "s")" },
            async.backoffMs.map { "\(Format.duration(ms: $0)) before the second" },
            async.maxAgeMs.map { "none begins after \(Format.duration(ms: $0))" },
        ].compactMap { $0 }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }
}
