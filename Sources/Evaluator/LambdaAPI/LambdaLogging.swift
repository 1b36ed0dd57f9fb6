/// How what a function prints is written down.
struct LambdaLogging: Codable, Sendable, Equatable {
    /// `Text` or `JSON`.
    var format = "Text"
    /// The least level of lines that are kept; only with JSON.
    var applicationLevel: String?
    /// The same of what the platform itself says.
    var systemLevel: String?
    /// Another group than the function's own.
    var group: String?

    private static let standardLevel = "INFO"

    /// Takes over what a request gives; what it leaves out stays.
    mutating func update(_ given: JSONValue) {
        format = given["LogFormat"]?.string ?? format
        group = given["LogGroup"]?.string ?? group
        guard format == "JSON" else {
            applicationLevel = nil
            systemLevel = nil
            return
        }
        applicationLevel =
            given["ApplicationLogLevel"]?.string ?? applicationLevel ?? Self.standardLevel
        systemLevel = given["SystemLogLevel"]?.string ?? systemLevel ?? Self.standardLevel
    }

    /// - Parameter function: whose own group it is, where it has no other.
    func view(_ function: String) -> JSONValue {
        .fields([
            "LogFormat": .string(format),
            "ApplicationLogLevel": applicationLevel.map { .string($0) },
            "SystemLogLevel": systemLevel.map { .string($0) },
            "LogGroup": .string(group ?? LambdaLogs.group(of: function)),
        ])
    }
}
