import FunctionRegistry
import Hummingbird

/// Functions: made, shown, listed and deleted.
extension LambdaService {
    func createFunction(_ request: LambdaRequest) async throws -> Response {
        let reference = try request.function()
        let name = reference.name
        guard FunctionName(reading: name).local.utf8.count <= 64 else {
            throw LambdaError.invalid(
                LambdaError.validation(
                    "Value '\(request.string("FunctionName") ?? name)' at 'functionName' failed to "
                        + "satisfy constraint: Member must have length less than or equal to 64"
                ).message)
        }
        guard reference.qualifier == nil else {
            throw LambdaError.invalid("A function is created without a qualifier")
        }
        let tags = request.input["Tags"]?.stringMap ?? [:]
        try Self.checkTags(tags)
        var settings = try LambdaSettings(creating: request)
        let code = try await LambdaCode.read(request.object("Code") ?? .object([:]))
        if let arn = request.string("CodeSigningConfigArn") { throw LambdaError.noCodeSigning(arn) }
        settings.layers = try await layers(request) ?? []
        let isolation = try Self.isolation(tags)
        let made = settings
        return try await functions.alone(name) {
            if try await functions.find(name) != nil {
                throw LambdaError.conflict(
                    "Function already exist: \(FunctionName(reading: name).local)")
            }
            try await registry.withArchive(code.zip) { archive in
                var options = PutOptions()
                options.requiresHandlerFile = false
                options.isAlwaysNew = true
                options.mustBeNew = true
                options.documents = { version in
                    let latest = made.configuration(
                        version, code: .init(code, archive: archive))
                    return [
                        try LambdaFunction(name: name, latest: latest, tags: tags).change()
                    ]
                }
                _ = try await registry.put(
                    name, spec: made.spec(isolation), code: .zip(code.zip), options: options)
            }
            functions.cache.invalidate(name)
            var function = try await functions.get(reference)
            let shown =
                request.bool("Publish")
                ? try await publish(&function, description: nil) : function.latest
            return lambdaResponse(201, shown.view(name, names, qualifier: nil, life: .pending))
        }
    }

    func getFunction(_ request: LambdaRequest) async throws -> Response {
        let reference = try request.function()
        let function = try await functions.get(reference)
        let configuration = try await functions.configuration(function, reference)
        let location = codeLinks.link(
            to: configuration.archive ?? configuration.bundle, host: request.host)
        return lambdaResponse(
            200,
            .fields([
                "Configuration": configuration.view(
                    function.name, names, qualifier: reference.qualifier),
                "Code": ["RepositoryType": "S3", "Location": .string(location)],
                "Tags": function.tags.isEmpty ? nil : .map(function.tags),
                "Concurrency": function.reservedConcurrency.map {
                    ["ReservedConcurrentExecutions": .int($0)]
                },
            ]))
    }

    func getFunctionConfiguration(_ request: LambdaRequest) async throws -> Response {
        let reference = try request.function()
        let function = try await functions.get(reference)
        let configuration = try await functions.configuration(function, reference)
        return lambdaResponse(
            200, configuration.view(function.name, names, qualifier: reference.qualifier))
    }

    func deleteFunction(_ request: LambdaRequest) async throws -> Response {
        let reference = try request.function()
        guard let qualifier = reference.qualifier else {
            return try await functions.alone(reference.name) {
                let existed = try await registry.delete(reference.name)
                functions.cache.remove(reference.name)
                guard existed else { throw functions.notFound(reference) }
                return Response(status: .noContent)
            }
        }
        guard let number = Int(qualifier), number > 0 else {
            throw LambdaError.invalid(
                qualifier == "$LATEST"
                    ? "$LATEST version cannot be deleted without deleting the function."
                    : "Deletion of aliases is not currently supported.")
        }
        return try await functions.alone(reference.name) {
            let function = try await functions.get(reference)
            let users = function.aliases.filter {
                $0.value.version == qualifier || $0.value.weights[qualifier] != nil
            }
            guard users.isEmpty else {
                throw LambdaError.conflict(
                    "Unable to delete version because the following aliases reference it: "
                        + "[\(users.keys.sorted().joined(separator: ", "))]")
            }
            let version: LambdaConfiguration
            do {
                version = try await functions.configuration(function, reference)
            } catch let error as LambdaError where error.status == 404 {
                // Nothing to do where there is no such version.
                return Response(status: .noContent)
            }
            let removal = DocumentChange.remove(
                collection: LambdaFunction.versionCollection,
                key: LambdaFunction.versionKey(function.name, number))
            // The newest registered version stays: it is what calls without a number run.
            if try await !registry.delete(
                function.name, version: version.registryVersion, documents: [removal])
            {
                try await registry.write([removal])
            }
            functions.cache.remove(function.name)
            return Response(status: .noContent)
        }
    }

    func listFunctions(_ request: LambdaRequest) async throws -> Response {
        let size = request.pageSize()
        guard try Self.showsAll(request) else {
            return lambdaResponse(200, try await Self.page([], nil, "Functions"))
        }
        guard request.string("FunctionVersion") == "ALL" else {
            let page = try await registry.functions(
                limit: size, cursor: request.string("Marker"), of: names.scope(request.region))
            var items: [JSONValue] = []
            for newest in page.items {
                let function = try await made(newest)
                items.append(function.latest.listed(function.name, names, qualifier: nil))
            }
            return lambdaResponse(200, try await Self.page(items, page.nextCursor, "Functions"))
        }
        let (items, next) = try await allVersions(request, size)
        return lambdaResponse(200, try await Self.page(items, next, "Functions"))
    }

    private func made(_ newest: FunctionVersion) async throws -> LambdaFunction {
        let document = try await registry.document(LambdaFunction.collection, newest.name)
        return try functions.make(newest, document)
    }

    /// All versions of all functions, from behind a version of one.
    /// Its marker is `NAME:NUMBER`, with -1 for all versions of the function.
    private func allVersions(
        _ request: LambdaRequest, _ size: Int
    ) async throws -> (items: [JSONValue], next: String?) {
        let marker = request.string("Marker")
        let parts = marker?.split(separator: ":") ?? []
        guard marker == nil || parts.count == 2, let seen = Int(parts.last ?? "0"), seen >= -1
        else {
            throw RegistryError.invalidCursor
        }
        var items: [JSONValue] = []
        let name = parts.first.map(String.init)
        var functions = try await registry.functions(
            limit: size, after: name ?? "", of: names.scope(request.region))
        var begun: FunctionVersion?
        if let name, seen >= 0 { begun = try await registry.function(name) }
        if let begun { functions.insert(begun, at: 0) }
        for newest in functions {
            let function = try await made(newest)
            // Some of it were on the page before.
            let isBegun = newest.name == begun?.name
            if !isBegun {
                items.append(
                    function.latest.listed(function.name, names, qualifier: "$LATEST"))
            }
            let start = isBegun ? seen : 0
            let room = size - items.count
            let versions = try await self.functions.versions(
                function, after: start, limit: room + 1)
            items += versions.prefix(room).map {
                $0.listed(function.name, names, qualifier: $0.version)
            }
            if versions.count > room {
                let last = versions.prefix(room).last?.number ?? start
                return (items, "\(function.name):\(last)")
            }
            if items.count == size { return (items, "\(function.name):-1") }
        }
        return (items, nil)
    }

    /// Whether functions of this evaluator match: none comes from another region.
    private static func showsAll(_ request: LambdaRequest) throws -> Bool {
        guard let master = request.string("MasterRegion") else { return true }
        guard request.string("FunctionVersion") == "ALL" else {
            throw LambdaError.invalid("FunctionVersion must be set to ALL if MasterRegion is")
        }
        return master == "ALL"
    }

    /// A page of a list, with the marker that the next one is asked for with.
    static func page(
        _ items: [JSONValue], _ next: String?, _ name: String
    ) async throws -> JSONValue {
        var fields: [String: JSONValue] = [name: .array(items)]
        if let next { fields["NextMarker"] = .string(next) }
        return .object(fields)
    }
}
