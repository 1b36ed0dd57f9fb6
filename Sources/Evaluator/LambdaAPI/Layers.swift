import Foundation
import FunctionRegistry
import Hummingbird

/// A version of a layer: the document `lambda.layer`, whose bundle has the files that are seen below /opt.
struct LambdaLayer: Codable, Sendable, Equatable {
    /// As a function's in the registry: with the region in front where that is another one.
    var name: String
    var number: Int
    var description: String
    var license: String
    var runtimes: [String]
    var architectures: [String]
    var codeSha256: String
    var codeBytes: Int
    var archive: String
    var bundle: String
    var createdAtMs: Int64
    var policy: LambdaFunction.Policy?

    static let collection = "lambda.layer"
    /// The last number of each layer, which is never used again.
    static let counterCollection = "lambda.layerNumber"

    static func key(_ name: String, _ number: Int) -> String {
        LambdaFunction.versionKey(name, number)
    }

    func document() throws -> Document {
        Document(
            collection: Self.collection, key: Self.key(name, number), bundle: bundle,
            archive: archive, body: try encoded(self))
    }
}

extension LambdaService {
    static let maximumLayers = 5

    func publishLayer(_ request: LambdaRequest) async throws -> Response {
        let name = try request.layerName()
        let code = try await LambdaCode.read(request.object("Content") ?? .object([:]))
        return try await functions.alone("layer:\(name)") {
            let counter = try await registry.document(LambdaLayer.counterCollection, name)
            let number = (counter.flatMap { Int($0.body) } ?? 0) + 1
            try await registry.withArchive(code.zip) { archive in
                // First the number: it is not used again, whatever happens next.
                try await registry.write([
                    .put(
                        Document(
                            collection: LambdaLayer.counterCollection, key: name,
                            body: "\(number)"))
                ])
                try await registry.putLayer(code.zip) { sha256, _ in
                    try LambdaLayer(
                        name: name, number: number,
                        description: request.string("Description") ?? "",
                        license: request.string("LicenseInfo") ?? "",
                        runtimes: request.input["CompatibleRuntimes"]?.strings ?? [],
                        architectures: request.input["CompatibleArchitectures"]?.strings ?? [],
                        codeSha256: code.sha256, codeBytes: code.zip.count, archive: archive,
                        bundle: sha256, createdAtMs: currentTimeMs()
                    ).document()
                }
            }
            return lambdaResponse(
                201, view(try await layer(name, number), host: request.host))
        }
    }

    func getLayer(_ request: LambdaRequest) async throws -> Response {
        if let text = request.string("Arn") {
            let (arn, version) = try Self.version(text)
            let layer = try await layer(request.layerName(arn), version)
            return lambdaResponse(200, view(layer, host: request.host))
        }
        return lambdaResponse(200, view(try await layer(request), host: request.host))
    }

    func listLayers(_ request: LambdaRequest) async throws -> Response {
        var newest: [String: LambdaLayer] = [:]
        for document in try await registry.documents(LambdaLayer.collection) {
            let layer: LambdaLayer = try decoded(document.body)
            guard names.region(of: layer.name) == request.region, Self.matches(layer, request)
            else { continue }
            newest[layer.name] = layer
        }
        let marker = request.string("Marker") ?? ""
        let size = request.pageSize()
        let found = newest.values.sorted { $0.name < $1.name }.filter { $0.name > marker }
        let items: [JSONValue] = found.prefix(size).map { layer in
            [
                "LayerName": .string(FunctionName(reading: layer.name).local),
                "LayerArn": .string(names.layer(layer.name)),
                "LatestMatchingVersion": view(layer, host: nil),
            ]
        }
        let next = found.count > size ? found[size - 1].name : nil
        return lambdaResponse(200, try await Self.page(items, next, "Layers"))
    }

    func listLayerVersions(_ request: LambdaRequest) async throws -> Response {
        let name = try request.layerName()
        let before = try Self.number(request.string("Marker")) ?? Int.max
        let size = request.pageSize()
        let found: [LambdaLayer] = try await registry.documents(
            LambdaLayer.collection, prefix: "\(name):"
        ).map { try decoded($0.body) as LambdaLayer }
            .filter { $0.number < before && Self.matches($0, request) }.reversed()
        let next = found.count > size ? String(found[size - 1].number) : nil
        return lambdaResponse(
            200,
            try await Self.page(
                found.prefix(size).map { view($0, host: nil) }, next, "LayerVersions"))
    }

    /// A version that is not there is no error. Functions that use it go on doing so.
    func deleteLayer(_ request: LambdaRequest) async throws -> Response {
        let name = try request.layerName()
        let number = try Self.number(of: request)
        try await registry.write([
            .remove(collection: LambdaLayer.collection, key: LambdaLayer.key(name, number))
        ])
        return Response(status: .noContent)
    }

    func addLayerPermission(_ request: LambdaRequest) async throws -> Response {
        try await functions.alone("layer:\(request.layerName())") {
            var layer = try await permittedLayer(request)
            let statement = try Self.statement(
                request, resource: names.layer(layer.name, layer.number))
            try Self.add(
                statement, to: &layer.policy, revision: request.string("RevisionId"),
                reader: "GetLayerPolicy")
            try await registry.write([.put(layer.document())])
            return lambdaResponse(
                201,
                [
                    "Statement": .string(statement.text),
                    "RevisionId": .string(layer.policy?.revision ?? ""),
                ])
        }
    }

    func removeLayerPermission(_ request: LambdaRequest) async throws -> Response {
        try await functions.alone("layer:\(request.layerName())") {
            var layer = try await permittedLayer(request)
            try Self.remove(
                try request.required("StatementId"), from: &layer.policy,
                revision: request.string("RevisionId"), reader: "GetLayerPolicy")
            try await registry.write([.put(layer.document())])
            return Response(status: .noContent)
        }
    }

    func getLayerPolicy(_ request: LambdaRequest) async throws -> Response {
        guard let policy = try await layer(request).policy else {
            throw LambdaError.notFound("No policy is associated with the given resource.")
        }
        return lambdaResponse(200, try Self.view(policy))
    }

    // MARK: Layers of functions

    /// The layers that a request names; `nil` where it has none.
    func layers(_ request: LambdaRequest) async throws -> [LambdaLayerUse]? {
        guard let arns = request.input["Layers"]?.strings else { return nil }
        guard arns.count <= Self.maximumLayers else {
            throw LambdaError.invalid(
                "Cannot reference more than \(Self.maximumLayers) layers.")
        }
        var uses: [LambdaLayerUse] = []
        for arn in arns {
            let (reference, version) = try Self.version(arn)
            guard reference.region == request.region else {
                throw LambdaError.invalid(
                    "Layers are not in the same region as the function. Layers are expected to be in "
                        + "region \(request.region).")
            }
            let layerARN = arn.prefix(through: arn.lastIndex(of: ":") ?? arn.startIndex)
            if let other = uses.first(where: { $0.arn.hasPrefix(layerARN) }) {
                throw LambdaError.invalid(
                    "Two different versions of the same layer are not allowed to be referenced in "
                        + "the same function. \(other.arn) and \(arn) are versions of the same layer."
                )
            }
            guard let layer = try await findLayer(request.layerName(reference), version) else {
                throw LambdaError.invalid("Layer version \(arn) does not exist.")
            }
            uses.append(
                LambdaLayerUse(
                    arn: names.layer(layer.name, layer.number), codeBytes: layer.codeBytes,
                    bundle: layer.bundle))
        }
        return uses
    }

    private static func version(_ text: String) throws -> (arn: LayerARN, version: Int) {
        guard let arn = LayerARN(text), let version = arn.version else {
            throw LambdaError.invalid("\(text.prefix(300)) is no ARN of a layer's version")
        }
        return (arn, version)
    }

    private static func matches(_ layer: LambdaLayer, _ request: LambdaRequest) -> Bool {
        let runtime = request.string("CompatibleRuntime")
        let architecture = request.string("CompatibleArchitecture")
        return runtime.map { layer.runtimes.contains($0) } ?? true
            && architecture.map { layer.architectures.contains($0) } ?? true
    }

    private func findLayer(_ name: String, _ number: Int) async throws -> LambdaLayer? {
        try await registry.document(LambdaLayer.collection, LambdaLayer.key(name, number)).map {
            try decoded($0.body)
        }
    }

    private func layer(_ name: String, _ number: Int) async throws -> LambdaLayer {
        guard let layer = try await findLayer(name, number) else {
            throw LambdaError.notFound("The resource you requested does not exist.")
        }
        return layer
    }

    private func layer(_ request: LambdaRequest) async throws -> LambdaLayer {
        try await layer(request.layerName(), Self.number(of: request))
    }

    /// The version that a request about permissions names.
    private func permittedLayer(_ request: LambdaRequest) async throws -> LambdaLayer {
        let (name, number) = try (request.layerName(), Self.number(of: request))
        guard let layer = try await findLayer(name, number) else {
            throw LambdaError.notFound("Layer version \(names.layer(name, number)) does not exist.")
        }
        return layer
    }

    private static func number(of request: LambdaRequest) throws -> Int {
        guard let number = request.int("VersionNumber"), number >= 1 else {
            throw LambdaError.invalid("Layer Version Cannot be less than 1")
        }
        return number
    }

    /// - Parameter host: where the client can get the archive; `nil` to leave that out, as lists do.
    private func view(_ layer: LambdaLayer, host: String?) -> JSONValue {
        .fields([
            "LayerArn": .string(names.layer(layer.name)),
            "LayerVersionArn": .string(names.layer(layer.name, layer.number)),
            "Version": .int(layer.number),
            "Description": .string(layer.description),
            "CreatedDate": .string(LambdaTime.text(layer.createdAtMs)),
            "CompatibleRuntimes": .list(layer.runtimes),
            "CompatibleArchitectures": layer.architectures.isEmpty
                ? nil : .list(layer.architectures),
            "LicenseInfo": layer.license.isEmpty ? nil : .string(layer.license),
            "Content": host.map { host in
                [
                    "Location": .string(codeLinks.link(to: layer.archive, host: host)),
                    "CodeSha256": .string(layer.codeSha256), "CodeSize": .int(layer.codeBytes),
                ]
            },
        ])
    }
}
