/// What a mapping reads from: which settings it may have, and what it has of itself.
enum LambdaEventSourceKind: Sendable, Equatable {
    case queue
    case dynamodb
    case kinesis
    /// One of AWS's or one's own.
    case kafka
    case broker
    case documents

    /// `nil` for what is none of these.
    init?(_ settings: [String: JSONValue]) {
        guard let source = settings["EventSourceArn"]?.string else {
            guard settings["SelfManagedEventSource"] != nil else { return nil }
            self = .kafka
            return
        }
        let parts = source.split(separator: ":", omittingEmptySubsequences: false)
        switch parts.count > 5 ? parts[2] : "" {
        case "sqs": self = .queue
        case "dynamodb": self = .dynamodb
        case "kinesis": self = .kinesis
        case "kafka": self = .kafka
        case "mq": self = .broker
        case "rds": self = .documents
        default: return nil
        }
    }

    var isStream: Bool { self == .dynamodb || self == .kinesis }

    /// What a mapping shows that was not told so: as in the answers that AWS's own documentation has.
    var defaults: [String: JSONValue] {
        switch self {
        case .queue:
            [
                "BatchSize": 10, "MaximumBatchingWindowInSeconds": 0, "FunctionResponseTypes": [],
                "StateTransitionReason": "USER_INITIATED",
            ]
        case .dynamodb, .kinesis:
            [
                "BatchSize": 100, "BisectBatchOnFunctionError": false, "FunctionResponseTypes": [],
                "LastProcessingResult": "No records processed",
                "MaximumBatchingWindowInSeconds": 0, "MaximumRecordAgeInSeconds": -1,
                "MaximumRetryAttempts": -1, "ParallelizationFactor": 1,
                "TumblingWindowInSeconds": 0, "StateTransitionReason": "User action",
            ]
        case .kafka, .broker, .documents:
            [
                "BatchSize": 100, "LastProcessingResult": "No records processed",
                "StateTransitionReason": "USER_INITIATED",
            ]
        }
    }

    /// The kind of a new mapping, whose settings go together, whatever its function is.
    /// - Throws: `InvalidParameterValueException`.
    static func checked(_ settings: [String: JSONValue]) throws -> LambdaEventSourceKind {
        guard let kind = LambdaEventSourceKind(settings) else {
            throw LambdaError.invalid(
                settings["EventSourceArn"]?.string.map {
                    "Unrecognized event source, must be kinesis, dynamodb stream or sqs. "
                        + "Unsupported source arn : \($0)"
                } ?? "Unrecognized event source.")
        }
        try kind.checkPosition(settings)
        try kind.check(settings)
        return kind
    }

    /// What can be changed later.
    func check(_ settings: [String: JSONValue]) throws {
        try checkDestinations(settings["DestinationConfig"])
        try checkBatch(settings)
        for filter in settings["FilterCriteria"]?["Filters"]?.array ?? [] {
            try Self.checkPattern(filter["Pattern"]?.string ?? "")
        }
    }

    /// Streams and topics alone can tell somebody what was left out, and nobody of what went well.
    private func checkDestinations(_ given: JSONValue?) throws {
        let fields = given?.object ?? [:]
        let canFail = isStream || self == .kafka
        guard fields.isEmpty || canFail && fields["OnSuccess"]?.object?.isEmpty ?? true else {
            throw LambdaError.invalid(
                "Unsupported DestinationConfig parameter for given event source mapping type.")
        }
    }

    private func checkPosition(_ settings: [String: JSONValue]) throws {
        guard isStream else { return }
        guard let position = settings["StartingPosition"]?.string else {
            throw LambdaError.invalid(
                LambdaError.validation(
                    "Value null at 'startingPosition' failed to satisfy constraint: Member must not "
                        + "be null."
                ).message)
        }
        guard self == .kinesis || position != "AT_TIMESTAMP" else {
            throw LambdaError.invalid(
                "Unsupported starting position for arn type: "
                    + (settings["EventSourceArn"]?.string ?? ""))
        }
    }

    private func checkBatch(_ settings: [String: JSONValue]) throws {
        guard self == .queue, settings["BatchSize"]?.int ?? 0 > 10,
            settings["MaximumBatchingWindowInSeconds"]?.int ?? 0 == 0
        else { return }
        throw LambdaError.invalid(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater "
                + "than 10")
    }

    /// A pattern is an object of lists of what may be there, or of such objects.
    private static func checkPattern(_ text: String) throws {
        func isPattern(_ value: JSONValue) -> Bool {
            value.object?.values.allSatisfy { $0.array.map { !$0.isEmpty } ?? isPattern($0) }
                ?? false
        }
        guard let value = try? JSONValue(text: text), isPattern(value) else {
            throw LambdaError.invalid("Invalid filter pattern definition.")
        }
    }
}
