import FunctionRegistry

/// A log group, and the functions whose calls' lines are in it.
struct LogGroup: Sendable {
    var name: String
    /// Their names in the registry.
    var functions: [String]

    /// Functions of one group that an answer looks at.
    static let maximumFunctions = 100

    /// The group that a request names.
    /// - Throws: `ResourceNotFoundException`, `InvalidParameterException`.
    init(_ input: JSONValue, _ known: LambdaFunctions, in region: String) async throws {
        var given = input["logGroupName"]?.string
        if let identifier = input["logGroupIdentifier"]?.string {
            guard given == nil else {
                throw CloudWatchLogs.invalid(
                    "Either logGroupName or logGroupIdentifier can be given, not both.")
            }
            given =
                identifier.split(separator: ":").dropFirst(6).first.map(String.init) ?? identifier
        }
        guard let given else { throw CloudWatchLogs.invalid("A log group has to be given.") }
        name = given
        functions = try await Self.named(given, known, in: region).map(\.key)
        if let own = LambdaLogs.function(of: given), FunctionName(own).isWellFormed,
            let function = try await known.find(known.names.key(own, in: region)),
            function.logGroup == given, !functions.contains(function.name)
        {
            functions.append(function.name)
        }
        guard !functions.isEmpty else {
            throw LambdaError(
                "ResourceNotFoundException", 400, "The specified log group does not exist.")
        }
    }

    /// The functions that name a group, in the order of their names.
    static func named(
        _ group: String, _ known: LambdaFunctions, in region: String,
        limit: Int = maximumFunctions
    ) async throws -> [Document] {
        try await known.registry.documents(
            LambdaFunction.collection,
            label: LambdaFunction.logGroupLabel(
                group, region: region == known.names.region ? nil : region), limit: limit)
    }
}
