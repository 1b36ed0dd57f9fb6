import FunctionRegistry
import Hummingbird

/// Mappings of event sources: made, shown, changed and deleted.
extension LambdaService {
    func createEventSource(_ request: LambdaRequest) async throws -> Response {
        let settings = Self.settings(request)
        let kind = try LambdaEventSourceKind.checked(settings)
        let reference = try request.function()
        let tags = request.input["Tags"]?.stringMap ?? [:]
        try Self.checkTags(tags)
        return try await functions.alone(reference.name) {
            try await requireTarget(reference)
            let mapping = LambdaEventSource(
                id: newRevision(), function: reference.name, qualifier: reference.qualifier,
                settings: settings, tags: tags, modifiedAtMs: currentTimeMs(), passing: .creating)
            try await requireNew(mapping, kind)
            try Self.requireDisabled(request.input["Enabled"]?.bool ?? true)
            try await registry.write([mapping.change()])
            return lambdaResponse(202, mapping.view(names, atMs: mapping.modifiedAtMs))
        }
    }

    func getEventSource(_ request: LambdaRequest) async throws -> Response {
        let mapping = try await eventSource(request)
        return lambdaResponse(200, mapping.view(names, atMs: currentTimeMs()))
    }

    func updateEventSource(_ request: LambdaRequest) async throws -> Response {
        try await change(request, "update") { mapping in
            mapping.passing = .updating
            mapping.settings.merge(Self.settings(request)) { $1 }
            try LambdaEventSourceKind(mapping.settings)?.check(mapping.settings)
            if let name = request.string("FunctionName") {
                let reference = try request.reference(name)
                (mapping.function, mapping.qualifier) = (reference.name, reference.qualifier)
            }
            try await requireTarget(
                FunctionReference(mapping.function, qualifier: mapping.qualifier))
            try Self.requireDisabled(request.bool("Enabled"))
        }
    }

    /// The mapping is still there for a moment. What is left of it goes when one is made or all are listed.
    func deleteEventSource(_ request: LambdaRequest) async throws -> Response {
        try await change(request, "delete") { $0.passing = .deleting }
    }

    /// Changes a mapping, while nobody else does.
    /// - Parameter verb: for the refusal of what is being deleted.
    private func change(
        _ request: LambdaRequest, _ verb: String,
        _ body: @Sendable (inout LambdaEventSource) async throws -> Void
    ) async throws -> Response {
        let id = try request.required("UUID")
        // No function has such a name.
        return try await functions.alone("event-source:\(id)") {
            var mapping = try await eventSource(request)
            guard mapping.passing != .deleting else {
                throw LambdaError(
                    "ResourceInUseException", 400,
                    "Cannot \(verb) the event source mapping because it is in use.")
            }
            try await body(&mapping)
            mapping.modifiedAtMs = currentTimeMs()
            try await registry.write([mapping.change()])
            return lambdaResponse(202, mapping.view(names, atMs: mapping.modifiedAtMs))
        }
    }

    func listEventSources(_ request: LambdaRequest) async throws -> Response {
        let name = try request.string("FunctionName").map { try request.reference($0).name }
        let source = request.string("EventSourceArn")
        let marker = request.string("Marker") ?? ""
        let size = request.pageSize(100)
        let found = try await eventSources().filter { mapping in
            mapping.id > marker && names.region(of: mapping.function) == request.region
                && (name == nil || mapping.function == name)
                && (source == nil || mapping.source == source)
        }
        let next = found.count > size ? found[size - 1].id : nil
        let now = currentTimeMs()
        return lambdaResponse(
            200,
            try await Self.page(
                found.prefix(size).map { $0.view(names, atMs: now) }, next, "EventSourceMappings"))
    }

    /// The mapping that a request about tags names; `nil` when it names something else.
    func eventSource(taggedBy request: LambdaRequest) async throws -> LambdaEventSource? {
        let arn = try request.required("Resource")
        guard LambdaNames.kind(ofARN: arn) == "event-source-mapping" else { return nil }
        let id = String(arn.split(separator: ":").last ?? "")
        guard let mapping = try await eventSource(id, in: request.region),
            names.eventSource(id, of: mapping.function) == arn
        else { throw LambdaError.notFound("Event source mapping not found: \(arn)") }
        return mapping
    }

    // MARK: Reading

    /// All that are there; of those that are not any more, what was left is removed.
    private func eventSources() async throws -> [LambdaEventSource] {
        let all: [LambdaEventSource] = try await registry.documents(LambdaEventSource.collection)
            .map { try decoded($0.body) }
        let now = currentTimeMs()
        let gone = all.filter { $0.state(atMs: now) == nil }
        if !gone.isEmpty { try await registry.write(gone.map(\.removal)) }
        return all.filter { $0.state(atMs: now) != nil }
    }

    private func eventSource(_ request: LambdaRequest) async throws -> LambdaEventSource {
        guard
            let mapping = try await eventSource(
                try request.required("UUID"), in: request.region)
        else { throw LambdaError.notFound("The resource you requested does not exist.") }
        return mapping
    }

    private func eventSource(_ id: String, in region: String) async throws -> LambdaEventSource? {
        guard let document = try await registry.document(LambdaEventSource.collection, id),
            case let mapping:LambdaEventSource = try decoded(document.body),
            names.region(of: mapping.function) == region,
            mapping.state(atMs: currentTimeMs()) != nil
        else { return nil }
        return mapping
    }

    // MARK: Checking

    /// What a request says of the mapping itself.
    private static func settings(_ request: LambdaRequest) -> [String: JSONValue] {
        request.input.filter { !["UUID", "FunctionName", "Enabled", "Tags"].contains($0.key) }
    }

    private func requireTarget(_ reference: FunctionReference) async throws {
        guard let function = try await functions.find(reference.name) else {
            throw LambdaError.invalid("Function does not exist")
        }
        try await functions.require(function, reference)
    }

    /// Refuses a second mapping of a source to a function.
    private func requireNew(
        _ mapping: LambdaEventSource, _ kind: LambdaEventSourceKind
    ) async throws {
        guard let source = mapping.source else { return }
        let same = try await eventSources().first {
            $0.function == mapping.function && $0.qualifier == mapping.qualifier
                && $0.source == source
        }
        guard let same else { return }
        let name = FunctionName(reading: mapping.function).local
        let what =
            kind == .queue
            ? "An event source mapping with SQS arn (\" \(source) \") and function (\" \(name) \") "
            : "The event source arn (\" \(source) \") and function (\" \(name) \") provided mapping "
        throw LambdaError.conflict(
            what + "already exists. Please update or delete the existing mapping with UUID "
                + same.id)
    }

    private static func requireDisabled(_ isEnabled: Bool) throws {
        guard !isEnabled else {
            throw LambdaError.invalid(
                "No event source can be reached from here; a mapping can be kept with Enabled=false"
            )
        }
    }
}
