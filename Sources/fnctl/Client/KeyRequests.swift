import NIOHTTP1

/// An access key of the Lambda API.
struct KeyRecord: Decodable, Sendable {
    let id: String
    let description: String
    let createdAt: String
    /// Only in the answer that the key was made with.
    let secret: String?
}

/// What is asked about access keys; the evaluator answers it on its own machine only.
extension EvaluatorClient {
    struct KeyList: Decodable, Sendable {
        let keys: [KeyRecord]
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
