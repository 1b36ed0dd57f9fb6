import ArgumentParser

enum Runtime: String, ExpressibleByArgument, CaseIterable, Sendable {
    case python, javascript
}

enum Isolation: String, ExpressibleByArgument, CaseIterable, Sendable {
    case call, snapshot, reuse
}

struct RegisterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "register",
        abstract: "Register a new version of a function.",
        discussion: """
            PATH is a source file (.py, .js, .mjs, .cjs), a folder or a .zip. A folder may have \
            a function.yaml with runtime, handler, timeoutMs, memoryMB, tmpMB, env, secretEnv, \
            isolation, concurrency, async and description; options go before it. Links are refused; \
            __pycache__, .git, node_modules/.cache, function.yaml and cases.yaml are left out.

            A secret's value is neither in function.yaml nor on the command line: secretEnv is \
            a list of names, and each has the value that fnctl's own environment has for it, \
            else the value that is stored with the function already. --secret names more, or \
            reads one from a file, whose last line end does not count.
            """)

    @Argument(help: "The function's name: lower case letters, digits, - and _.")
    var name: String

    @Argument(help: "A source file, a folder or a .zip.", completion: .file())
    var path: String

    @Option(help: "The language; told from the file's name when it is left out.")
    var runtime: Runtime?

    @Option(help: "file.function (default: index.handler).")
    var handler: String?

    @Option(
        help: ArgumentHelp(
            "The longest that a call may take: milliseconds, or 3s, 2m.", valueName: "time"),
        transform: { text in
            guard let milliseconds = DurationText.milliseconds(text) else {
                throw ValidationError(
                    "'\(text)' is not a time; write milliseconds (1500), 3s or 2m")
            }
            return milliseconds
        })
    var timeout: Int?

    @Option(help: ArgumentHelp("Memory of a call, in MB.", valueName: "mb"))
    var memory: Int?

    @Option(help: ArgumentHelp("Size of a call's /tmp, in MB.", valueName: "mb"))
    var tmp: Int?

    @Option(
        name: .customLong("env"), parsing: .singleValue,
        help: ArgumentHelp(
            "A variable of the handler's environment; may be repeated.", valueName: "key=value"))
    var variables: [String] = []

    @Option(
        name: .customLong("secret"), parsing: .singleValue,
        help: ArgumentHelp(
            "A secret variable, from fnctl's environment, a file or standard input (NAME=-); "
                + "may be repeated.", valueName: "name[=@file]"))
    var secrets: [String] = []

    @Option(help: ArgumentHelp("Calls of it that run at once (default: no limit).", valueName: "n"))
    var concurrency: Int?

    @Option(
        help: ArgumentHelp(
            "What its calls share: nothing (call, the default), the loaded code (snapshot) or a "
                + "process (reuse).", valueName: "call|snapshot|reuse"))
    var isolation: Isolation?

    @Option(
        help: ArgumentHelp(
            "What webhooks are signed with, from a file or standard input (-); "
                + "without it, what is stored.", valueName: "@file"))
    var webhookSecret: String?

    @Option(help: "What the function does.")
    var description: String?

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        _ = try environment()
    }

    private func environment() throws -> [String: String] {
        var environment: [String: String] = [:]
        for variable in variables {
            guard let equals = variable.firstIndex(of: "="), equals > variable.startIndex else {
                throw ValidationError("'\(variable)' is not a variable; write --env KEY=VALUE")
            }
            environment[String(variable[..<equals])] = String(
                variable[variable.index(after: equals)...])
        }
        return environment
    }

    func run() async throws {
        let secrets = try SecretOptions(secrets: secrets, webhook: webhookSecret)
        let overrides = FunctionSettings(
            runtime: runtime?.rawValue, handler: handler, timeoutMs: timeout, memoryMB: memory,
            tmpMB: tmp, env: try environment(),
            secretEnv: try secrets.variables.mapValues { .given(try $0.read()) },
            concurrency: concurrency, isolation: isolation?.rawValue,
            description: description)
        var source = try FunctionSource(path: path, overrides: overrides)
        if let secret = secrets.webhook { source = try source.signing(with: try secret.read()) }
        try await options.withClient { client in
            let (created, function) = try await client.register(name, source.body)
            options.show(function) { function, console in
                let what =
                    created
                    ? "registered \(function.name) version \(function.version)"
                    : "\(function.name) is the same as version \(function.version) already"
                console.print(
                    "\(what) (\(function.runtime), \(function.handler), "
                        + "\(Format.size(bytes: function.codeBytes)))")
            }
        }
    }
}
