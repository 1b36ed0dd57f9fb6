import FunctionRegistry

/// An event source mapping: the document `lambda.eventSource`. No source can be reached from here, so
/// mappings can only be kept disabled.
struct LambdaEventSource: Codable, Sendable, Equatable {
    /// What is being done with a mapping, as its state says it.
    enum Passing: String, Codable {
        case creating = "Creating"
        case updating = "Updating"
        case deleting = "Deleting"
    }

    var id: String
    var function: String
    var qualifier: String?
    /// The parameters, as they were given.
    var settings: [String: JSONValue]
    var tags: [String: String]
    var modifiedAtMs: Int64
    /// What was done with it at `modifiedAtMs`; `nil` for what was settled long ago.
    var passing: Passing?

    static let collection = "lambda.eventSource"

    /// The ARN of what it reads from.
    var source: String? { settings["EventSourceArn"]?.string }

    func change() throws -> DocumentChange {
        .put(
            Document(
                collection: Self.collection, key: id, function: function,
                body: try encoded(self)))
    }

    /// Takes it away for good.
    var removal: DocumentChange { .remove(collection: Self.collection, key: id) }

    /// `nil` once it is deleted.
    func state(atMs now: Int64) -> String? {
        guard let passing else { return "Disabled" }
        if LambdaLife.isPassing(since: modifiedAtMs, atMs: now) { return passing.rawValue }
        return passing == .deleting ? nil : "Disabled"
    }

    /// `EventSourceMappingConfiguration`, as clients read it.
    func view(_ names: LambdaNames, atMs now: Int64) -> JSONValue {
        let kind = LambdaEventSourceKind(settings)
        var fields = (kind?.defaults ?? [:]).merging(settings) { _, given in given }
        if kind?.isStream == true {
            fields["DestinationConfig"] = [
                "OnFailure": settings["DestinationConfig"]?["OnFailure"] ?? [:]
            ]
        }
        fields["UUID"] = .string(id)
        fields["EventSourceMappingArn"] = .string(names.eventSource(id, of: function))
        fields["FunctionArn"] = .string(names.function(function, qualifier))
        fields["State"] = .string(state(atMs: now) ?? Passing.deleting.rawValue)
        fields["LastModified"] = .double(Double(modifiedAtMs) / 1000)
        return .object(fields)
    }
}
