/// How what a function prints is written down.
struct LambdaLogging: Codable, Sendable, Equatable {
    enum Format: String, Codable { case text = "Text", json = "JSON" }

    var format = Format.text
    /// The least level of the function's own lines that are kept; only with JSON.
    var applicationLevel: String?
    /// The same of what the platform itself says.
    var systemLevel: String?
    /// Another group than the function's own.
    var group: String?

    private static let standardLevel = "INFO"

    /// Takes over what a request gives; what it leaves out stays.
    mutating func update(_ given: JSONValue) {
        format = given["LogFormat"]?.string.flatMap(Format.init) ?? format
        group = given["LogGroup"]?.string ?? group
        guard format == .json else {
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
            "LogFormat": .string(format.rawValue),
            "ApplicationLogLevel": applicationLevel.map { .string($0) },
            "SystemLogLevel": systemLevel.map { .string($0) },
            "LogGroup": .string(group ?? LambdaLogs.group(of: function)),
        ])
    }

    // MARK: Levels

    private static let levels = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]

    /// Whether a line of the platform's with this level is kept.
    func keeps(system level: String) -> Bool { Self.has(level, systemLevel) }

    /// Whether what a function printed is kept: a JSON object that says its level and its time is left out below the
    /// wanted level; of other text nobody knows the level.
    func keeps(printed text: String) -> Bool {
        guard format == .json, text.utf8.first == UInt8(ascii: "{"),
            let line = try? JSONValue(text: text), line["timestamp"]?.string != nil,
            let level = line["level"]?.string?.uppercased(), Self.levels.contains(level)
        else { return true }
        return Self.has(level, applicationLevel)
    }

    private static func has(_ level: String, _ least: String?) -> Bool {
        guard let least, let place = levels.firstIndex(of: level),
            let first = levels.firstIndex(of: least)
        else { return true }
        return place >= first
    }
}
