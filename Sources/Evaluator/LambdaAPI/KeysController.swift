import FunctionRegistry
import Hummingbird
import NIOCore

/// `/v1/keys`: the access keys that the Lambda API asks for. Whoever can make one can do everything there,
/// so only this machine may.
struct KeysController: Sendable {
    let registry: FunctionRegistry
    let gate: LambdaGate

    private static let maximumKeys = 1000

    func addRoutes(to router: Router<EvaluatorRequestContext>) {
        router.get(RouterPath(Routes.keys), use: list)
        router.post(RouterPath(Routes.keys), use: make)
        router.delete(RouterPath(Routes.key), use: remove)
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
        try requireThisMachine(request, context)
        _ = try Query(request, allowed: [])
        return try jsonResponse(KeyList(keys: try await registry.accessKeys().map { KeyView($0) }))
    }

    @Sendable private func make(_ request: Request, context: EvaluatorRequestContext) async throws
        -> Response
    {
        try requireThisMachine(request, context)
        _ = try Query(request, allowed: [])
        try requireJSON(request)
        let body = try await collectBody(request, maximumBytes: 4096)
        let description = try description(body)
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
        try requireThisMachine(request, context)
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

    private func requireThisMachine(
        _ request: Request, _ context: EvaluatorRequestContext
    ) throws {
        // Nor may a web page in a browser of this machine.
        guard isLoopback(context.channel.remoteAddress?.ipAddress ?? ""),
            request.headers[.origin] == nil, LambdaGate.isLocal(request.head.authority)
        else {
            throw Problem(
                .forbidden,
                "access keys can be seen and changed from the evaluator's own machine only")
        }
    }
}

/// Whether an address, or the name that an evaluator listens at, is this machine's own alone.
func isLoopback(_ address: String) -> Bool {
    address.hasPrefix("127.") || address == "::1" || address == "localhost"
        || address.hasPrefix("::ffff:127.")
}
