import FunctionRegistry
import Hummingbird

/// Tags of functions. One of them says what calls share.
extension LambdaService {
    /// The tag whose value is an isolation: `call`, `snapshot` or `reuse`.
    static let isolationTag = "cloister:isolation"
    private static let maximumTags = 50

    func tagResource(_ request: LambdaRequest) async throws -> Response {
        let tags = request.input["Tags"]?.stringMap ?? [:]
        try Self.checkTags(tags)
        guard !tags.isEmpty else {
            throw LambdaError.invalid("An error occurred and the request cannot be processed.")
        }
        return try await retag(request) { $0.merge(tags) { $1 } }
    }

    func untagResource(_ request: LambdaRequest) async throws -> Response {
        let keys = request.input["TagKeys"]?.strings ?? []
        return try await retag(request) { tags in for key in keys { tags[key] = nil } }
    }

    func listTags(_ request: LambdaRequest) async throws -> Response {
        if let mapping = try await eventSource(taggedBy: request) {
            return lambdaResponse(200, ["Tags": .map(mapping.tags)])
        }
        let function = try await functions.get(reference(request))
        return lambdaResponse(200, ["Tags": .map(function.tags)])
    }

    private func retag(
        _ request: LambdaRequest, _ change: @Sendable @escaping (inout [String: String]) -> Void
    ) async throws -> Response {
        if let mapping = try await eventSource(taggedBy: request) {
            var mapping = mapping
            change(&mapping.tags)
            try await registry.write([mapping.change()])
            return Response(status: .noContent)
        }
        let reference = try reference(request)
        return try await functions.alone(reference.name) {
            var function = try await functions.get(reference)
            let old = try Self.isolation(function.tags)
            change(&function.tags)
            function.latest.revision = newRevision()
            guard function.tags.count <= Self.maximumTags else {
                throw LambdaError.invalid("Number of tags exceeds resource tag limit.")
            }
            if try Self.isolation(function.tags) == old {
                try await registry.write([function.change()])
            } else {
                // Versions never change: another isolation is another version.
                _ = try await replace(
                    function, LambdaSettings(function.latest),
                    code: .bundle(
                        sha256: function.latest.bundle, bytes: function.latest.bundleBytes),
                    .init(function.latest))
            }
            functions.cache.invalidate(function.name)
            return Response(status: .noContent)
        }
    }

    /// The function of `Resource`, which has to be an ARN without a qualifier.
    private func reference(_ request: LambdaRequest) throws -> FunctionReference {
        let arn = try request.required("Resource")
        if LambdaNames.kind(ofARN: arn) == "capacity-provider" {
            throw LambdaError.notFound("Capacity provider not found: \(arn)")
        }
        let reference = try request.reference(arn)
        guard arn.hasPrefix("arn:"), reference.qualifier == nil else {
            throw LambdaError.invalid(
                "Tags on function aliases and versions are not supported. Please specify a function "
                    + "ARN.")
        }
        return reference
    }

    static func checkTags(_ tags: [String: String]) throws {
        guard tags.count <= maximumTags else {
            throw LambdaError.invalid("Number of tags exceeds resource tag limit.")
        }
        for (key, value) in tags.sorted(by: { $0.key < $1.key }) {
            guard (1...128).contains(key.unicodeScalars.count), value.unicodeScalars.count <= 256
            else {
                throw LambdaError.invalid(
                    "The tag \(key.prefix(128)) is too long: keys have 1 to 128 characters, values "
                        + "up to 256")
            }
            guard !key.lowercased().hasPrefix("aws:") else {
                throw LambdaError.invalid("System tags may not be added: \(key)")
            }
        }
        _ = try isolation(tags)
    }

    /// What calls share; a cell, as on Lambda, unless a tag says otherwise.
    static func isolation(_ tags: [String: String]) throws -> FunctionIsolation {
        guard let name = tags[isolationTag] else { return .reuse }
        guard let isolation = FunctionIsolation(rawValue: name) else {
            throw LambdaError.invalid(
                "The tag \(isolationTag) can be call, snapshot or reuse, not \(name.prefix(100))")
        }
        return isolation
    }
}
