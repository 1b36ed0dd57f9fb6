import Foundation
import GRDB

extension CallRecord: FetchableRecord, PersistableRecord {
    public static let databaseTableName = "call"
}

/// A record as it is to be written, with the log of a call that is over.
struct CallWrite: Sendable {
    var record: CallRecord
    var log: [CallLogLine] = []

    /// Roughly the memory that the log holds.
    var logBytes: Int { log.reduce(0) { $0 + $1.text.utf8.count + 32 } }
}

/// The tables of call records and logs.
struct CallStore: Sendable {
    let database: DatabasePool
    let retention: CallRetention

    /// Most rows that one pruning transaction removes, so that it never holds up the next batch long.
    static let pruneStep = 2000

    // MARK: Writing; runs on the recorder's queue

    /// Writes a batch in one transaction.
    func write(_ batch: [CallWrite], withdrawn: [String]) throws {
        try database.write { db in
            let upsert = try db.cachedStatement(sql: Self.upsertSQL)
            let addLog = try db.cachedStatement(
                sql: "INSERT INTO callLog (id, lines) VALUES (?, ?) ON CONFLICT DO NOTHING")
            let encoder = JSONEncoder()
            encoder.outputFormatting = .withoutEscapingSlashes
            for entry in batch {
                try upsert.execute(arguments: Self.arguments(entry.record, encoder))
                if !entry.log.isEmpty {
                    try addLog.execute(arguments: [entry.record.id, encoder.encode(entry.log)])
                }
            }
            for id in withdrawn {
                try db.execute(sql: "DELETE FROM call WHERE id = ?", arguments: [id])
            }
        }
    }

    /// Removes some of what is beyond the retention.
    /// - Returns: whether there is more to remove.
    func prune() throws -> Bool {
        let (calls, logBytes) = try usage()
        var left = false
        if calls > retention.records {
            let surplus = min(calls - retention.records, Self.pruneStep)
            let removed = try database.write { db in
                // Only calls that are over: the record of one that runs has to outlive it.
                try db.execute(
                    sql: """
                        DELETE FROM call WHERE id IN (
                            SELECT id FROM call WHERE endedAtMs IS NOT NULL ORDER BY id LIMIT ?)
                        """, arguments: [surplus])
                return db.changesCount
            }
            left = removed > 0 && calls - removed > retention.records
        }
        if logBytes > retention.logBytes {
            var surplus = logBytes - retention.logBytes
            let last = try database.write { db -> String? in
                let oldest = try Row.fetchCursor(
                    db, sql: "SELECT id, bytes FROM callLog ORDER BY id LIMIT ?",
                    arguments: [Self.pruneStep])
                var last: String?
                while surplus > 0, let row = try oldest.next() {
                    surplus -= row["bytes"] as Int
                    last = row["id"]
                }
                try db.execute(sql: "DELETE FROM callLog WHERE id <= ?", arguments: [last])
                return last
            }
            left = left || (last != nil && surplus > 0)
        }
        return left
    }

    /// Settles the calls that were under way when the last evaluator stopped.
    func settleLost(nowMs: Int64) throws {
        try database.write { db in
            try db.execute(
                sql: """
                    UPDATE call SET state = 'failed', cause = 'evaluator_lost', endedAtMs = :now,
                        message = CASE state
                            WHEN 'queued' THEN 'the evaluator stopped before the call started'
                            ELSE 'the evaluator stopped while the call ran' END
                    WHERE state IN ('queued', 'running')
                    """, arguments: ["now": nowMs])
        }
    }

    // MARK: Reading

    func call(_ id: String) async throws -> CallRecord? {
        try await database.read { try CallRecord.fetchOne($0, key: id) }
    }

    /// Up to `limit` calls that match, newest first, older than `before`.
    func calls(_ filter: CallFilter, before: String?, limit: Int) async throws -> [CallRecord] {
        var conditions: [String] = []
        var arguments: StatementArguments = []
        if let function = filter.function {
            conditions.append("function = ?")
            arguments += [function]
        }
        if let state = filter.state {
            conditions.append("state = ?")
            arguments += [state.rawValue]
        }
        if let before {
            conditions.append("id < ?")
            arguments += [before]
        }
        let condition = conditions.isEmpty ? "" : "WHERE \(conditions.joined(separator: " AND "))"
        let sql = "SELECT * FROM call \(condition) ORDER BY id DESC LIMIT ?"
        arguments += [limit]
        return try await database.read { [arguments] db in
            try CallRecord.fetchAll(db, sql: sql, arguments: arguments)
        }
    }

    func log(_ id: String) async throws -> [CallLogLine]? {
        let lines = try await database.read { db in
            try Data.fetchOne(db, sql: "SELECT lines FROM callLog WHERE id = ?", arguments: [id])
        }
        return try lines.map { try JSONDecoder().decode([CallLogLine].self, from: $0) }
    }

    /// Records, and bytes of logs as stored.
    func usage() throws -> (calls: Int, logBytes: Int) {
        try database.read { db in
            let row = try Row.fetchOne(db, sql: "SELECT calls, logBytes FROM usage")
            return (row?["calls"] ?? 0, row?["logBytes"] ?? 0)
        }
    }

    // MARK: Statements

    /// Columns that are known when a call is accepted, and those that come later.
    private static let fixedColumns = [
        "id", "function", "version", "runtime", "queuedAtMs", "bytesIn", "timeoutMs", "memoryMB",
        "tmpMB",
    ]
    private static let laterColumns = [
        "state", "cause", "message", "errorType", "stack", "exitCode", "signal", "blocked",
        "startedAtMs", "endedAtMs", "queueMs", "startMs", "initMs", "runMs", "cpuMs",
        "peakMemoryBytes", "bytesOut", "logBytes", "logTruncated", "template",
    ]

    /// By hand rather than through the record's `Encodable`: this statement runs once or twice a call.
    private static let upsertSQL: String = {
        let columns = fixedColumns + laterColumns
        let changes = laterColumns.map { "\($0) = excluded.\($0)" }
        return """
            INSERT INTO call (\(columns.joined(separator: ", ")))
            VALUES (\(columns.map { _ in "?" }.joined(separator: ", ")))
            ON CONFLICT (id) DO UPDATE SET \(changes.joined(separator: ", "))
            """
    }()

    /// In the order of `fixedColumns + laterColumns`.
    private static func arguments(
        _ record: CallRecord, _ encoder: JSONEncoder
    ) throws -> StatementArguments {
        let stack = try record.stack.map { String(decoding: try encoder.encode($0), as: UTF8.self) }
        let fixed: [(any DatabaseValueConvertible)?] = [
            record.id, record.function, record.version, record.runtime.rawValue, record.queuedAtMs,
            record.bytesIn, record.timeoutMs, record.memoryMB, record.tmpMB,
        ]
        let outcome: [(any DatabaseValueConvertible)?] = [
            record.state.rawValue, record.cause, record.message, record.errorType, stack,
            record.exitCode, record.signal, record.blocked, record.startedAtMs, record.endedAtMs,
        ]
        let measures: [(any DatabaseValueConvertible)?] = [
            record.queueMs, record.startMs, record.initMs, record.runMs, record.cpuMs,
            record.peakMemoryBytes, record.bytesOut, record.logBytes, record.logTruncated,
            record.template,
        ]
        return StatementArguments(fixed + outcome + measures)
    }
}
