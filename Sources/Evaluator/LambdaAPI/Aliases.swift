import FunctionRegistry
import Hummingbird

/// Aliases: names that move from version to version, or stand between two.
extension LambdaService {
    func createAlias(_ request: LambdaRequest) async throws -> Response {
        let reference = try request.function()
        let name = try request.required("Name")
        let version = try request.required("FunctionVersion")
        guard try await functions.find(reference.name) != nil else {
            throw functions.notFound(FunctionReference(reference.name, qualifier: version))
        }
        return try await functions.update(reference) { function in
            guard function.aliases[name] == nil else {
                throw LambdaError.conflict(
                    "Alias already exists: \(names.function(function.name, name))")
            }
            let alias = LambdaFunction.Alias(
                version: version, description: request.string("Description") ?? "",
                weights: Self.weights(request) ?? [:], revision: newRevision())
            try await check(alias, function)
            function.aliases[name] = alias
            return lambdaResponse(201, view(alias, name, function))
        }
    }

    func getAlias(_ request: LambdaRequest) async throws -> Response {
        let reference = try request.function()
        let function = try await functions.get(reference)
        let name = try request.required("Name")
        return lambdaResponse(200, view(try alias(name, function), name, function))
    }

    func updateAlias(_ request: LambdaRequest) async throws -> Response {
        let reference = try request.function()
        let name = try request.required("Name")
        return try await functions.update(reference) { function in
            guard var alias = function.aliases[name] else {
                throw LambdaError.notFound(
                    "Alias not found: \(names.function(function.name, name))")
            }
            try Self.check(request.string("RevisionId"), alias.revision)
            alias.version = request.string("FunctionVersion") ?? alias.version
            alias.description = request.string("Description") ?? alias.description
            alias.weights = Self.weights(request) ?? alias.weights
            alias.revision = newRevision()
            try await check(alias, function)
            function.aliases[name] = alias
            return lambdaResponse(200, view(alias, name, function))
        }
    }

    /// An alias that is not there is no error; its function has to be.
    func deleteAlias(_ request: LambdaRequest) async throws -> Response {
        let reference = try request.function()
        let name = try request.required("Name")
        return try await functions.update(reference) { function in
            // Its URL stays, is refused, and answers again when there is an alias of that name.
            function.aliases[name] = nil
            function.eventInvokes[name] = nil
            function.provisioned[name] = nil
            function.policies[name] = nil
            return Response(status: .noContent)
        }
    }

    func listAliases(_ request: LambdaRequest) async throws -> Response {
        let reference = try request.function()
        let function = try await functions.get(reference)
        let wanted = request.string("FunctionVersion")
        let marker = request.string("Marker") ?? ""
        let size = request.pageSize()
        let found = function.aliases.sorted { $0.key < $1.key }.filter { name, alias in
            name > marker
                && (wanted == nil || alias.version == wanted
                    || alias.weights[wanted ?? ""] != nil)
        }
        let items = found.prefix(size).map { view($0.value, $0.key, function) }
        let next = found.count > size ? found[size - 1].key : nil
        return lambdaResponse(200, try await Self.page(items, next, "Aliases"))
    }

    private func alias(_ name: String, _ function: LambdaFunction) throws -> LambdaFunction.Alias {
        guard let alias = function.aliases[name] else {
            throw functions.aliasNotFound(FunctionReference(function.name, qualifier: name))
        }
        return alias
    }

    /// The shares of further versions; `nil` where the request has none.
    private static func weights(_ request: LambdaRequest) -> [String: Double]? {
        request.object("RoutingConfig").map { routing in
            (routing["AdditionalVersionWeights"]?.object ?? [:]).compactMapValues(\.double)
        }
    }

    private func check(_ alias: LambdaFunction.Alias, _ function: LambdaFunction) async throws {
        guard alias.weights.count <= 1 else {
            throw LambdaError.invalid(
                "Number of items in AdditionalVersionWeights cannot be greater than 1")
        }
        for version in [alias.version] + alias.weights.keys.sorted() where version != "$LATEST" {
            guard Int(version) != nil else {
                throw LambdaError.invalid("\(version) is no version's number")
            }
            _ = try await functions.configuration(
                function, FunctionReference(function.name, qualifier: version))
        }
        guard !alias.weights.isEmpty else { return }
        guard alias.version != "$LATEST", alias.weights["$LATEST"] == nil else {
            throw LambdaError.invalid(
                "$LATEST is not supported for an alias pointing to more than 1 version")
        }
        guard alias.weights[alias.version] == nil else {
            throw LambdaError.invalid(
                "Invalid function version \(alias.version). Function version \(alias.version) is "
                    + "already included in routing configuration.")
        }
    }

    private func view(
        _ alias: LambdaFunction.Alias, _ name: String, _ function: LambdaFunction
    ) -> JSONValue {
        .fields([
            "AliasArn": .string(names.function(function.name, name)),
            "Name": .string(name),
            "FunctionVersion": .string(alias.version),
            "Description": .string(alias.description),
            "RevisionId": .string(alias.revision),
            "RoutingConfig": alias.weights.isEmpty
                ? nil
                : ["AdditionalVersionWeights": .object(alias.weights.mapValues { .double($0) })],
        ])
    }
}
