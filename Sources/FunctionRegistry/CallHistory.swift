import Foundation
import GRDB

/// Calls of a function on one day.
public struct CallDay: Sendable, Equatable {
    public var version: Int
    /// When the first and the last of them were accepted, in milliseconds since 1970 in UTC.
    public var firstMs: Int64
    public var lastMs: Int64
}

extension CallRecorder {
    private static let dayMs: Int64 = 86_400_000

    /// Calls of functions, oldest first.
    /// - Parameters:
    ///   - sinceMs: accepted at this time or later, in milliseconds since 1970 in UTC; and `untilMs` or
    ///     earlier.
    ///   - low: only this call and later ones; and those before `high`. See `CallIDGenerator.behind`.
    ///   - newestFirst: in the reverse order.
    ///   - limit: at least 1.
    public func history(
        of functions: [String], sinceMs: Int64, untilMs: Int64,
        from low: String? = nil, to high: String? = nil, newestFirst: Bool = false, limit: Int
    ) async throws -> [CallRecord] {
        await flush()
        let first = CallIDGenerator.first(atMs: sinceMs)
        let last = CallIDGenerator.behind(CallIDGenerator.last(atMs: untilMs))
        return try storage("list the calls of \(functions.joined(separator: ", "))") {
            try store.readHere { db in
                // Each by the index; the database would sort all calls of several functions.
                let found = try functions.map { function in
                    try CallRecord.fetchAll(
                        db,
                        sql: """
                            SELECT * FROM call WHERE function = ? AND id >= ? AND id < ?
                            ORDER BY id \(newestFirst ? "DESC" : "ASC") LIMIT ?
                            """,
                        arguments: [
                            function, max(first, low ?? first), min(last, high ?? last), limit,
                        ])
                }
                guard found.count != 1 else { return found[0] }
                let sorted = found.joined().sorted { newestFirst ? $0.id > $1.id : $0.id < $1.id }
                return Array(sorted.prefix(limit))
            }
        }
    }

    /// The days on which a function was called, oldest first, with its versions.
    public func days(of function: String) async throws -> [CallDay] {
        await flush()
        return try storage("list the days of \(function)") {
            try store.readHere { db in
                var days: [CallDay] = []
                var position = ""
                // From day to day by the index, and not over all calls.
                while let id = try String.fetchOne(
                    db, sql: "SELECT min(id) FROM call WHERE function = ? AND id > ?",
                    arguments: [function, position])
                {
                    let start = CallIDGenerator.milliseconds(of: id) / Self.dayMs * Self.dayMs
                    let end = CallIDGenerator.last(atMs: start + Self.dayMs - 1)
                    let rows = try Row.fetchAll(
                        db,
                        sql: """
                            SELECT version, min(id) AS first, max(id) AS last FROM call
                            WHERE function = ? AND id >= ? AND id <= ? GROUP BY version
                            ORDER BY version
                            """, arguments: [function, id, end])
                    days += rows.map {
                        CallDay(
                            version: $0["version"],
                            firstMs: CallIDGenerator.milliseconds(of: $0["first"]),
                            lastMs: CallIDGenerator.milliseconds(of: $0["last"]))
                    }
                    position = end
                }
                return days
            }
        }
    }
}
