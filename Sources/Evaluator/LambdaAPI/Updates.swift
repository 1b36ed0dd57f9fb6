import FunctionRegistry
import Hummingbird

/// Changes of `$LATEST`, and the versions that are published of it.
extension LambdaService {
    func updateFunctionConfiguration(_ request: LambdaRequest) async throws -> Response {
        let reference = try latestReference(request)
        let layers = try await layers(request)
        return try await functions.alone(reference.name) {
            let function = try await functions.get(reference)
            try checkChange(function, request)
            var settings = LambdaSettings(function.latest)
            try settings.update(request)
            if let layers {
                settings.layers = layers
                settings.mergedLayers = nil
            }
            let updated = try await replace(
                function, settings,
                code: .bundle(
                    sha256: function.latest.bundle, bytes: function.latest.bundleBytes),
                .init(function.latest))
            return lambdaResponse(
                200, updated.latest.view(updated.name, names, qualifier: nil, life: .changing))
        }
    }

    /// Whether a function may be changed now, by who holds this revision.
    private func checkChange(_ function: LambdaFunction, _ request: LambdaRequest) throws {
        let life = LambdaLife.of(function.latest, atMs: currentTimeMs())
        guard life != .changing else {
            throw LambdaError.conflict(
                "The operation cannot be performed at this time. An update is in progress for "
                    + "resource: \(names.function(function.name))")
        }
        try Self.check(request.string("RevisionId"), function.latest.shownRevision(life))
    }

    func updateFunctionCode(_ request: LambdaRequest) async throws -> Response {
        let reference = try latestReference(request)
        let code = try await LambdaCode.read(.object(request.input))
        return try await functions.alone(reference.name) {
            var function = try await functions.get(reference)
            try checkChange(function, request)
            var settings = LambdaSettings(function.latest)
            if let architectures = request.input["Architectures"]?.strings {
                guard architectures == [LambdaSettings.machine] else {
                    throw LambdaError.invalid("This machine runs \(LambdaSettings.machine)")
                }
                settings.architectures = architectures
            }
            if request.bool("DryRun") {
                try await registry.check(code.zip)
                var shown = function.latest
                shown.codeSha256 = code.sha256
                shown.codeBytes = code.zip.count
                return lambdaResponse(200, shown.view(function.name, names, qualifier: nil))
            }
            function = try await registry.withArchive(code.zip) { [function, settings] archive in
                try await replace(
                    function, settings, code: .zip(code.zip), .init(code, archive: archive))
            }
            guard request.bool("Publish") else {
                return lambdaResponse(
                    200,
                    function.latest.view(function.name, names, qualifier: nil, life: .changing))
            }
            let version = try await publish(&function, description: nil, isPending: true)
            return lambdaResponse(
                200,
                version.view(
                    function.name, names, qualifier: version.version, life: .pending))
        }
    }

    func publishVersion(_ request: LambdaRequest) async throws -> Response {
        let reference = try latestReference(request)
        return try await functions.alone(reference.name) {
            var function = try await functions.get(reference)
            let life = LambdaLife.of(function.latest, atMs: currentTimeMs())
            try Self.check(request.string("RevisionId"), function.latest.shownRevision(life))
            if let sha256 = request.string("CodeSha256"), sha256 != function.latest.codeSha256 {
                throw LambdaError.invalid(
                    "CodeSHA256 (\(sha256)) is different from current CodeSHA256 in $LATEST "
                        + "(\(function.latest.codeSha256)). Please try again with the CodeSHA256 in "
                        + "$LATEST.")
            }
            let version = try await publish(
                &function, description: request.string("Description"))
            return lambdaResponse(
                201, version.view(function.name, names, qualifier: version.version))
        }
    }

    func listVersions(_ request: LambdaRequest) async throws -> Response {
        let reference = try request.function()
        let function = try await functions.get(reference)
        let size = request.pageSize()
        let marker = try Self.number(request.string("Marker"))
        let first = marker == nil ? 1 : 0
        let versions = try await functions.versions(
            function, after: marker ?? 0, limit: size - first + 1)
        var items = versions.prefix(size - first).map {
            $0.listed(function.name, names, qualifier: $0.version)
        }
        if first == 1 {
            items.insert(
                function.latest.listed(function.name, names, qualifier: "$LATEST"), at: 0)
        }
        let next =
            versions.count > size - first
            ? versions.prefix(size - first).last.map(\.version) ?? "0" : nil
        return lambdaResponse(200, try await Self.page(items, next, "Versions"))
    }

    /// A marker that is a number.
    static func number(_ marker: String?) throws -> Int? {
        guard let marker else { return nil }
        guard let number = Int(marker), number >= 0 else { throw RegistryError.invalidCursor }
        return number
    }

    /// The function of a request that may only mean `$LATEST`.
    func latestReference(_ request: LambdaRequest) throws -> FunctionReference {
        let reference = try request.function()
        guard reference.isLatest else {
            throw LambdaError.invalid(
                "Only $LATEST can be changed; a published version and what an alias names cannot")
        }
        return reference
    }

    static func check(_ wanted: String?, _ revision: String) throws {
        if let wanted, wanted != revision { throw LambdaError.preconditionFailed() }
    }

    /// Registers a new `$LATEST`.
    func replace(
        _ function: LambdaFunction, _ settings: LambdaSettings, code: FunctionCode,
        _ lambdaCode: LambdaConfiguration.Code
    ) async throws -> LambdaFunction {
        var options = PutOptions()
        options.requiresHandlerFile = false
        options.isAlwaysNew = true
        options.documents = { version in
            var updated = function
            updated.latest = settings.configuration(version, code: lambdaCode, isUpdate: true)
            return [try updated.change()]
        }
        let (version, _) = try await registry.put(
            function.name, spec: settings.spec(try Self.isolation(function.tags)), code: code,
            options: options)
        functions.cache.invalidate(function.name)
        guard let made = try await functions.find(function.name),
            made.latest.registryVersion == version.version
        else { throw LambdaError.conflict("The function was changed by another way meanwhile") }
        return made
    }

    /// Publishes `$LATEST`, unless the last version that was published is the same.
    func publish(
        _ function: inout LambdaFunction, description: String?, isPending: Bool = false
    ) async throws -> LambdaConfiguration {
        if let last = try await lastPublished(function),
            function.lastPublishedLatest.map({ $0 == function.latest.registryVersion })
                ?? last.isSame(as: function.latest)
        {
            return last
        }
        let latest = function.latest
        var settings = LambdaSettings(latest)
        if let description { settings.description = description }
        let number = function.lastPublished + 1
        var options = PutOptions()
        options.requiresHandlerFile = false
        options.isAlwaysNew = true
        options.documents = { [function, settings] version in
            var published = settings.configuration(
                version, code: .init(latest), number: number)
            published.isPending = isPending ? true : nil
            var updated = function
            updated.latest.revision = newRevision()
            updated.lastPublished = number
            updated.lastPublishedLatest = latest.registryVersion
            updated.lastPublishedRegistryVersion = version.version
            return [try updated.change(), try updated.change(of: published)]
        }
        _ = try await registry.put(
            function.name, spec: settings.spec(try Self.isolation(function.tags)),
            code: .bundle(sha256: latest.bundle, bytes: latest.bundleBytes), options: options)
        functions.cache.invalidate(function.name)
        function = try await functions.get(FunctionReference(function.name))
        return try await functions.configuration(
            function, FunctionReference(function.name, qualifier: "\(number)"))
    }

    private func lastPublished(_ function: LambdaFunction) async throws -> LambdaConfiguration? {
        guard function.lastPublished > 0,
            let document = try await registry.document(
                LambdaFunction.versionCollection,
                LambdaFunction.versionKey(function.name, function.lastPublished))
        else { return nil }
        return try decoded(document.body, as: LambdaConfiguration.self)
    }
}

extension LambdaConfiguration {
    /// Whether another version has the same code and settings, whatever its number and description are.
    func isSame(as other: LambdaConfiguration) -> Bool {
        var other = other
        other.registryVersion = registryVersion
        other.number = number
        other.description = description
        other.modifiedAtMs = modifiedAtMs
        other.revision = revision
        other.begunAtMs = begunAtMs
        other.isUpdate = isUpdate
        other.isPending = isPending
        return self == other
    }
}
