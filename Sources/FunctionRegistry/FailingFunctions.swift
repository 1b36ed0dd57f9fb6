import GRDB

/// A function whose latest calls failed.
public struct FailingFunction: Sendable, Equatable {
    public var function: String
    /// In a row.
    public var calls: Int
    /// When the first of them ended, in milliseconds since 1970 in UTC.
    public var sinceMs: Int64
    /// The latest one's.
    public var cause: String
}

extension CallRecorder {
    /// Those of these functions whose latest calls failed.
    public func failing(among functions: [String]) async throws -> [String: FailingFunction] {
        try await storage("look for failing functions") {
            try await store.database.read { db in
                var failing: [String: FailingFunction] = [:]
                for function in functions {
                    let statement = try db.cachedStatement(
                        sql: "SELECT * FROM failing WHERE function = ?")
                    guard let row = try Row.fetchOne(statement, arguments: [function]) else {
                        continue
                    }
                    failing[function] = FailingFunction(
                        function: function, calls: row["calls"], sinceMs: row["sinceMs"],
                        cause: row["cause"])
                }
                return failing
            }
        }
    }
}
