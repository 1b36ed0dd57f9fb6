import FunctionRegistry
import HTTPTypes
import Hummingbird
import NIOCore

/// `/v1/functions`: registering, listing and deleting functions.
struct FunctionsController: Sendable {
    let registry: FunctionRegistry
    let cache: FunctionCache
    let webhooks: WebhookHosts
    let reads: SlowReads
    let bodies: RequestBodies

    func addRoutes(to router: Router<EvaluatorRequestContext>) {
        router.get(RouterPath(Routes.functions), use: list)
        router.get(RouterPath(Routes.function), use: get)
        router.put(RouterPath(Routes.function), use: put)
        router.delete(RouterPath(Routes.function), use: delete)
        router.get(RouterPath(Routes.versions), use: versions)
    }

    static func notFound(_ name: String, version: Int? = nil) -> Problem {
        let what = version.map { "version \($0) of a function named" } ?? "function named"
        return Problem(
            .notFound,
            "there is no \(what) \"\(name.prefix(100))\"; GET /v1/functions lists what exists")
    }

    private struct FunctionList: Encodable {
        var functions: [FunctionView]
        var nextCursor: String?
    }

    private struct VersionList: Encodable {
        var versions: [FunctionView]
        var nextCursor: String?
    }

    @Sendable private func list(_ request: Request, context: EvaluatorRequestContext) async throws
        -> Response
    {
        let query = try Query(request, allowed: ["limit", "cursor"])
        let (limit, cursor) = (try query.limit(), query.text("cursor"))
        return try await reads.run {
            let page = try await registry.functions(limit: limit, cursor: cursor)
            let failing = try await registry.calls.failing(among: page.items.map(\.name))
            return try jsonResponse(
                FunctionList(
                    functions: page.items.map { FunctionView($0, failing: failing[$0.name]) },
                    nextCursor: page.nextCursor))
        }
    }

    @Sendable private func get(_ request: Request, context: EvaluatorRequestContext) async throws
        -> Response
    {
        let name = try context.pathParameter("name")
        let version = try Query(request, allowed: ["version"]).integer("version", in: 1...Int.max)
        guard let function = try await registry.function(name, version: version) else {
            throw Self.notFound(name, version: version)
        }
        let failing =
            version == nil ? try await registry.calls.failing(among: [name])[name] : nil
        return try jsonResponse(FunctionView(function, failing: failing))
    }

    @Sendable private func put(_ request: Request, context: EvaluatorRequestContext) async throws
        -> Response
    {
        let name = try context.pathParameter("name")
        _ = try Query(request, allowed: [])
        // Before the body, which can be long.
        try FunctionSpec.validate(name: name)
        try requireJSON(request)
        let received = try await bodies.collect(
            request, context, maximumBytes: FunctionBody.maximumBytes)
        defer { received.release() }
        let body = try await FunctionBody.read(received.bytes)
        for url in [body.spec.async?.onSuccess, body.spec.async?.onFailure] {
            if let url { try webhooks.check(url) }
        }
        let (function, created) = try await registry.put(name, spec: body.spec, code: body.code)
        await cache.renew(name)
        return try jsonResponse(
            FunctionView(function), status: created ? .created : .ok,
            headers: created
                ? [.location: "/v1/functions/\(name)?version=\(function.version)"] : [:])
    }

    @Sendable private func delete(_ request: Request, context: EvaluatorRequestContext) async throws
        -> Response
    {
        let name = try context.pathParameter("name")
        _ = try Query(request, allowed: [])
        let existed = try await registry.delete(name)
        cache.remove(name)
        guard existed else { throw Self.notFound(name) }
        return Response(status: .noContent)
    }

    @Sendable private func versions(_ request: Request, context: EvaluatorRequestContext)
        async throws -> Response
    {
        let name = try context.pathParameter("name")
        let query = try Query(request, allowed: ["limit", "cursor"])
        let (limit, cursor) = (try query.limit(), query.text("cursor"))
        return try await reads.run {
            guard let page = try await registry.versions(of: name, limit: limit, cursor: cursor)
            else { throw Self.notFound(name) }
            return try jsonResponse(
                VersionList(
                    versions: page.items.map { FunctionView($0) }, nextCursor: page.nextCursor))
        }
    }
}

/// Refuses a body that says it is something else than JSON. What curl says unasked is let through.
func requireJSON(_ request: Request) throws {
    guard let type = request.headers[.contentType] else { return }
    let essence = type.prefix { $0 != ";" }.trimmingSuffix(" ").lowercased()
    guard essence == "application/json" || essence == "application/x-www-form-urlencoded" else {
        throw Problem(
            .unsupportedMediaType,
            "the body is \"\(essence.prefix(100))\"; send JSON as application/json")
    }
}

extension StringProtocol {
    fileprivate func trimmingSuffix(_ character: Character) -> String {
        var text = String(self)
        while text.last == character { text.removeLast() }
        return text
    }
}
