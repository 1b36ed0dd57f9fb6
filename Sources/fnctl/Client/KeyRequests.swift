import NIOHTTP1

/// An access key of the Lambda API.
struct KeyRecord: Decodable, Sendable {
    let id: String
    let description: String
    let createdAt: String
    /// Only in the answer that the key was made with.
    let secret: String?
}

/// What is asked about access keys, over the socket in the evaluator's data directory.
extension EvaluatorClient {
    struct KeyList: Decodable, Sendable {
        let keys: [KeyRecord]
    }

    /// Where an evaluator on this machine has its socket for keys.
    func keySocket() async throws -> String {
        let answer = try await send(.GET, ["v1", "keys"])
        guard let path = (try? JSONParser.parse(answer.body))?["socket"]?.stringValue else {
            throw Failure(
                "the evaluator at \(endpoint) does not tell where its keys are made, as it does only to "
                    + "programs of its own machine; name its data directory with --data-dir",
                status: .unreachable)
        }
        return path
    }

    func keys() async throws -> Document<KeyList> { try await get(["v1", "keys"]) }

    func makeKey(description: String) async throws -> Document<KeyRecord> {
        let body = JSONValue.object(fields: [("description", .string(description))])
        return try decode(
            try await exchange(.POST, ["v1", "keys"], body: Array(body.compact.utf8)))
    }

    func deleteKey(_ id: String) async throws {
        _ = try await exchange(.DELETE, ["v1", "keys", id])
    }
}
