import FunctionRegistry
import Hummingbird
import NIOCore

/// `/v1/keys`: the access keys that the Lambda API asks for. Whoever can make one can do everything there, so
/// they are on the socket in the data directory alone.
struct KeysController: Sendable {
    let registry: FunctionRegistry
    let gate: LambdaGate
    let bodies: RequestBodies

    static let path = "/v1/keys"
    private static let maximumKeys = 1000

    func addRoutes(to router: Router<EvaluatorRequestContext>) {
        router.get(RouterPath(Self.path), use: list)
        router.post(RouterPath(Self.path), use: make)
        router.delete(RouterPath("\(Self.path)/{id}"), use: remove)
    }

    private struct KeyView: Encodable {
        var id: String
        var description: String
        var createdAt: String
        var secret: String?

        init(_ key: AccessKey, secret: String? = nil) {
            id = key.id
            description = key.description
            createdAt = Timestamp.text(key.createdAtMs)
            self.secret = secret
        }
    }

    private struct KeyList: Encodable { var keys: [KeyView] }

    @Sendable private func list(_ request: Request, context: EvaluatorRequestContext) async throws
        -> Response
    {
        _ = try Query(request, allowed: [])
        return try jsonResponse(KeyList(keys: try await registry.accessKeys().map { KeyView($0) }))
    }

    @Sendable private func make(_ request: Request, context: EvaluatorRequestContext) async throws
        -> Response
    {
        _ = try Query(request, allowed: [])
        try requireJSON(request)
        let body = try await bodies.collect(request, context, maximumBytes: 4096)
        let description = try description(body.bytes)
        guard try await registry.accessKeys().count < Self.maximumKeys else {
            throw Problem(.badRequest, "there are \(Self.maximumKeys) keys; delete some first")
        }
        let (key, secret) = try await registry.makeAccessKey(description: description)
        try await gate.reload()
        return try jsonResponse(KeyView(key, secret: secret), status: .created)
    }

    private func description(_ body: ByteBuffer) throws -> String {
        guard body.readableBytes > 0 else { return "" }
        guard let fields = (try? JSONValue(body))?.object,
            fields.keys.allSatisfy({ $0 == "description" })
        else {
            throw Problem(
                .badRequest, "the body has to be a JSON object with a description at most")
        }
        guard let given = fields["description"] else { return "" }
        guard let text = given.string, text.unicodeScalars.count <= 256 else {
            throw Problem(.badRequest, "the description has to be a text of at most 256 characters")
        }
        return text
    }

    @Sendable private func remove(_ request: Request, context: EvaluatorRequestContext) async throws
        -> Response
    {
        let id = try context.pathParameter("id")
        _ = try Query(request, allowed: [])
        let existed = try await registry.removeAccessKey(id)
        try await gate.reload()
        guard existed else {
            throw Problem(
                .notFound, "there is no key \"\(id.prefix(100))\"; GET /v1/keys lists them")
        }
        return Response(status: .noContent)
    }
}
