import ArgumentParser

enum OutputFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
    case table, json
}

/// The options that every command has.
struct GlobalOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Where the evaluator listens.", valueName: "url"))
    var endpoint: String?

    @Option(name: [.short, .long], help: "How to print: for people or for programs.")
    var output: OutputFormat = .table

    /// The endpoint from the option, else from the environment, else this machine's.
    func resolvedEndpoint(
        environment: [String: String] = Surroundings.current.environment
    ) throws -> Endpoint {
        let (text, origin): (String, String) =
            if let endpoint {
                (endpoint, "--endpoint")
            } else if let variable = environment[Endpoint.variable], !variable.isEmpty {
                (variable, Endpoint.variable)
            } else {
                (Endpoint.fallback, "the default")
            }
        guard let endpoint = Endpoint(text) else {
            throw Failure.usage(
                "\(origin) is \"\(text)\", which is not an http or https URL; expected something like "
                    + Endpoint.fallback)
        }
        return endpoint
    }

    /// Runs `body` with a client for the endpoint.
    func withClient<Result: Sendable>(
        _ body: (EvaluatorClient) async throws -> Result
    ) async throws -> Result {
        try await EvaluatorClient.with(try resolvedEndpoint(), body)
    }

    /// Prints the document as JSON when that was asked for, else what `table` makes of it.
    func show<Model>(_ document: Document<Model>, table: (Model, Console) -> Void) {
        let console = Console.current
        switch output {
        case .json: console.print(json: document.json)
        case .table: table(document.model, console)
        }
    }
}
