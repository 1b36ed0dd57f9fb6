import NIOHTTP1

/// What is asked about functions.
extension EvaluatorClient {
    /// Registers a function; `created` is false when the newest version was the same already.
    func register(
        _ name: String, _ body: JSONValue
    ) async throws -> (created: Bool, function: Document<FunctionRecord>) {
        let answer = try await exchange(
            .PUT, ["v1", "functions", name], body: Array(body.compact.utf8), timeoutSeconds: 120)
        return (answer.status == 201, try decode(answer))
    }

    func function(_ name: String, version: Int?) async throws -> Document<FunctionRecord> {
        try await get(["v1", "functions", name], [("version", version.map(String.init))])
    }

    func functions() async throws -> Document<[FunctionRecord]> {
        try await pages(["v1", "functions"], list: "functions")
    }

    func versions(of name: String) async throws -> Document<[FunctionRecord]> {
        try await pages(["v1", "functions", name, "versions"], list: "versions")
    }

    func delete(_ name: String) async throws {
        _ = try await exchange(.DELETE, ["v1", "functions", name])
    }
}
