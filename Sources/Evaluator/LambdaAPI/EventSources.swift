import Foundation
import FunctionRegistry
import Hummingbird

/// An event source mapping: the document `lambda.eventSource`. No source can be reached from here, so
/// mappings can only be kept disabled.
struct LambdaEventSource: Codable, Sendable, Equatable {
    var id: String
    var function: String
    var qualifier: String?
    /// The parameters, as they were given.
    var settings: [String: JSONValue]
    var tags: [String: String]
    var modifiedAtMs: Int64

    static let collection = "lambda.eventSource"

    func change() throws -> DocumentChange {
        .put(
            Document(
                collection: Self.collection, key: id, function: function,
                body: try encoded(self)))
    }
}

extension LambdaService {
    func createEventSource(_ request: LambdaRequest) async throws -> Response {
        let reference = try request.function()
        let function = try await functions.get(reference)
        _ = try await functions.configuration(function, reference)
        try Self.requireDisabled(request, isNew: true)
        guard let source = request.string("EventSourceArn") else {
            throw LambdaError.invalid("Unrecognized event source, must be kinesis, dynamodb or sqs")
        }
        var settings = request.input
        for name in ["FunctionName", "Enabled", "Tags"] { settings[name] = nil }
        for other in try await eventSources()
        where other.function == function.name && other.settings["EventSourceArn"]?.string == source
        {
            throw LambdaError.conflict(
                "An event source mapping with event source arn (\" \(source) \") and function "
                    + "(\" \(function.name) \") already exists. Please update or delete the existing "
                    + "mapping with UUID \(other.id)")
        }
        let mapping = LambdaEventSource(
            id: newRevision(), function: function.name, qualifier: reference.qualifier,
            settings: settings, tags: request.input["Tags"]?.stringMap ?? [:],
            modifiedAtMs: currentTimeMs())
        try await registry.write([mapping.change()])
        return lambdaResponse(202, view(mapping))
    }

    func getEventSource(_ request: LambdaRequest) async throws -> Response {
        lambdaResponse(200, view(try await eventSource(request)))
    }

    func updateEventSource(_ request: LambdaRequest) async throws -> Response {
        var mapping = try await eventSource(request)
        try Self.requireDisabled(request, isNew: false)
        if let name = request.string("FunctionName") {
            let reference = try request.reference(name)
            let function = try await functions.get(reference)
            _ = try await functions.configuration(function, reference)
            (mapping.function, mapping.qualifier) = (reference.name, reference.qualifier)
        }
        for (name, value) in request.input
        where !["UUID", "FunctionName", "Enabled"].contains(name) {
            mapping.settings[name] = value
        }
        mapping.modifiedAtMs = currentTimeMs()
        try await registry.write([mapping.change()])
        return lambdaResponse(202, view(mapping))
    }

    func deleteEventSource(_ request: LambdaRequest) async throws -> Response {
        let mapping = try await eventSource(request)
        try await registry.write([
            .remove(collection: LambdaEventSource.collection, key: mapping.id)
        ])
        return lambdaResponse(202, view(mapping, state: "Deleting"))
    }

    func listEventSources(_ request: LambdaRequest) async throws -> Response {
        let name = try request.string("FunctionName").map { try request.reference($0).name }
        let source = request.string("EventSourceArn")
        let marker = request.string("Marker") ?? ""
        let size = request.pageSize(100)
        let found = try await eventSources().filter { mapping in
            mapping.id > marker && names.region(of: mapping.function) == request.region
                && (name == nil || mapping.function == name)
                && (source == nil || mapping.settings["EventSourceArn"]?.string == source)
        }
        let next = found.count > size ? found[size - 1].id : nil
        return lambdaResponse(
            200,
            try await Self.page(found.prefix(size).map { view($0) }, next, "EventSourceMappings"))
    }

    private func eventSources() async throws -> [LambdaEventSource] {
        try await registry.documents(LambdaEventSource.collection).map { try decoded($0.body) }
    }

    private func eventSource(_ request: LambdaRequest) async throws -> LambdaEventSource {
        let id = try request.required("UUID")
        guard let document = try await registry.document(LambdaEventSource.collection, id),
            case let mapping:LambdaEventSource = try decoded(document.body),
            names.region(of: mapping.function) == request.region
        else { throw LambdaError.notFound("The resource you requested does not exist.") }
        return mapping
    }

    /// The mapping that a request about tags names; `nil` when it names something else.
    func eventSource(taggedBy request: LambdaRequest) async throws -> LambdaEventSource? {
        let arn = try request.required("Resource")
        guard LambdaNames.kind(ofARN: arn) == "event-source-mapping" else { return nil }
        let id = String(arn.split(separator: ":").last ?? "")
        guard let document = try await registry.document(LambdaEventSource.collection, id),
            case let mapping:LambdaEventSource = try decoded(document.body),
            names.eventSource(id, of: mapping.function) == arn,
            names.region(of: mapping.function) == request.region
        else { throw LambdaError.notFound("Event source mapping not found: \(arn)") }
        return mapping
    }

    private static func requireDisabled(_ request: LambdaRequest, isNew: Bool) throws {
        let enabled = request.input["Enabled"]?.bool ?? isNew
        guard !enabled else {
            throw LambdaError.invalid(
                "No event source can be reached from here; a mapping can be kept with Enabled=false"
            )
        }
    }

    private func view(_ mapping: LambdaEventSource, state: String = "Disabled") -> JSONValue {
        var fields = mapping.settings
        fields["UUID"] = .string(mapping.id)
        fields["EventSourceMappingArn"] = .string(
            names.eventSource(mapping.id, of: mapping.function))
        fields["FunctionArn"] = .string(names.function(mapping.function, mapping.qualifier))
        fields["State"] = .string(state)
        fields["StateTransitionReason"] = "USER_INITIATED"
        fields["LastModified"] = .double(Double(mapping.modifiedAtMs) / 1000)
        fields["BatchSize"] = fields["BatchSize"] ?? 10
        return .object(fields)
    }
}
