import Foundation
import GRDB

extension CallRecord: FetchableRecord, PersistableRecord {
    public static let databaseTableName = "call"
}

/// A record as it is to be written, with what an attempt that is over leaves behind.
struct CallWrite: Sendable {
    var record: CallRecord
    /// There when an attempt is over, whether or not the call is.
    var end: CallEnd?

    /// Roughly the memory that this holds besides the record.
    var bytes: Int {
        guard let end else { return 0 }
        return end.log.reduce(end.result?.count ?? 0) { $0 + $1.text.utf8.count + 32 }
    }
}

/// What is written when an attempt is over.
struct CallEnd: Sendable {
    var log: [CallLogLine] = []
    var attempt = 1
    /// The result, where it is kept.
    var result: Data?
    /// What becomes of the event of an asynchronous call.
    var event = EventFate.none
    /// Who is told of it.
    var webhookURL: String?
}

/// What becomes of a call's event when an attempt is over.
enum EventFate: Sendable, Equatable {
    /// It is not stored.
    case none
    /// It waits for the next attempt.
    case waits(untilMs: Int64)
    case removed
    /// It is kept for a replay.
    case dead
}

/// The tables of call records, logs and results.
struct CallStore: Sendable {
    let database: DatabasePool
    let retention: CallRetention

    // MARK: Writing; runs on the recorder's queue

    /// Writes a batch; part of a transaction.
    func write(_ batch: [CallWrite], withdrawn: [String], _ db: Database) throws {
        let upsert = try db.cachedStatement(sql: Self.upsertSQL)
        let encoder = Self.encoder
        for entry in batch {
            try upsert.execute(arguments: Self.arguments(entry.record, encoder))
            if let end = entry.end { try write(end, of: entry.record, db, encoder) }
        }
        for id in withdrawn {
            try db.execute(sql: "DELETE FROM call WHERE id = ?", arguments: [id])
        }
    }

    /// Writes one record with what its end leaves behind; part of a transaction.
    func write(_ entry: CallWrite, _ db: Database) throws {
        try write([entry], withdrawn: [], db)
    }

    /// Keeps the event of an asynchronous call whose record is stored, and what was decided for it; part of a
    /// transaction.
    func keep(_ event: AcceptedEvent, of record: CallRecord, _ db: Database) throws {
        let settings = try Self.encoder.encode(event.settings)
        try db.execute(
            sql: """
                INSERT INTO asyncCall (id, dueAtMs, expiresAtMs, bytes, event, settings)
                VALUES (?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                record.id, record.queuedAtMs, event.expiresAtMs(of: record), event.bytes.count,
                event.bytes, String(decoding: settings, as: UTF8.self),
            ])
    }

    private static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return encoder
    }

    private func write(
        _ end: CallEnd, of record: CallRecord, _ db: Database, _ encoder: JSONEncoder
    ) throws {
        let endedAtMs = record.endedAtMs ?? currentTimeMs()
        if !end.log.isEmpty {
            let lines = try encoder.encode(end.log)
            try db.cachedStatement(
                sql: """
                    INSERT INTO callLog (id, attempt, function, timeMs, bytes, lines)
                    VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                    """
            ).execute(arguments: [
                record.id, end.attempt, record.function, endedAtMs, lines.count, lines,
            ])
        }
        if let result = end.result {
            try db.execute(
                sql: "INSERT INTO callResult VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                arguments: [record.id, result.count, result])
        }
        if let url = end.webhookURL {
            try db.execute(
                sql: """
                    INSERT INTO webhook (id, url, host, function, dueAtMs, event)
                    VALUES (?, ?, ?, ?, ?, (SELECT event FROM asyncCall WHERE id = ? AND ?))
                    ON CONFLICT DO NOTHING
                    """,
                arguments: [
                    record.id, url, AsyncSettings.host(of: url), record.function, endedAtMs,
                    record.id, AsyncSettings.isDestination(url),
                ])
        }
        switch end.event {
        case .none: break
        case .waits(let untilMs):
            try db.execute(
                sql: "UPDATE asyncCall SET isClaimed = 0, dueAtMs = ? WHERE id = ?",
                arguments: [untilMs, record.id])
        case .removed:
            try db.execute(sql: "DELETE FROM asyncCall WHERE id = ?", arguments: [record.id])
        case .dead:
            try db.execute(
                sql: "UPDATE asyncCall SET isClaimed = 0, isDead = 1 WHERE id = ?",
                arguments: [record.id])
        }
        if record.state.isFinal { try noteStreak(record, endedAtMs, db) }
    }

    /// Counts how many calls of a function failed in a row. Calls that were cancelled, or that the
    /// evaluator lost, say nothing about the function; those of one that was deleted, nothing about another
    /// of its name.
    private func noteStreak(_ record: CallRecord, _ endedAtMs: Int64, _ db: Database) throws {
        if record.state == .completed {
            try db.cachedStatement(sql: "DELETE FROM failing WHERE function = ?")
                .execute(arguments: [record.function])
        } else if record.state != .cancelled, let cause = record.cause, cause != "evaluator_lost" {
            try db.cachedStatement(
                sql: """
                    INSERT INTO failing SELECT :function, 1, :time, :cause WHERE NOT EXISTS (
                        SELECT 1 FROM function
                        WHERE name = :function AND (isDeleted = 1 OR firstVersion > :version))
                    ON CONFLICT (function) DO UPDATE SET calls = calls + 1, cause = excluded.cause
                    """
            ).execute(arguments: [
                "function": record.function, "time": endedAtMs, "cause": cause,
                "version": record.version,
            ])
        }
    }

    // MARK: Reading

    /// Reads on the calling thread, which waits meanwhile: for what can take long, and so is asked for on threads
    /// that are there for it. The database's own threads serve everybody.
    func readHere<T>(_ body: (Database) throws -> T) throws -> T { try database.read(body) }

    func call(_ id: String) async throws -> CallRecord? {
        try await database.read { try CallRecord.fetchOne($0, key: id) }
    }

    func calls(_ ids: [String]) throws -> [CallRecord] {
        try readHere { try CallRecord.fetchAll($0, keys: ids) }
    }

    /// Up to `limit` calls that match, newest first, older than `before`.
    func calls(_ filter: CallFilter, before: String?, limit: Int) throws -> [CallRecord] {
        let (sql, arguments) = Self.list(filter, before: before, limit: limit)
        return try readHere { db in
            try CallRecord.fetchAll(db, sql: sql, arguments: arguments)
        }
    }

    /// For each filter there is an index that has the calls in the list's order.
    static func list(
        _ filter: CallFilter, before: String?, limit: Int
    ) -> (sql: String, arguments: StatementArguments) {
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
        // Not an argument: partial indexes are for this very number.
        if filter.dead { conditions.append("isDead = 1") }
        if let before {
            conditions.append("id < ?")
            arguments += [before]
        }
        let condition = conditions.isEmpty ? "" : "WHERE \(conditions.joined(separator: " AND "))"
        arguments += [limit]
        return ("SELECT * FROM call \(condition) ORDER BY id DESC LIMIT ?", arguments)
    }

    /// What the attempts of a call before one printed; `nil` when nothing is kept.
    func log(_ id: String, before attempt: Int) throws -> [FoundLine]? {
        let stored = try readHere { db in
            try StoredLog.fetchAll(
                db,
                sql: """
                    SELECT id, attempt, function, lines FROM callLog WHERE id = ? AND attempt < ?
                    ORDER BY attempt
                    """, arguments: [id, attempt])
        }
        let lines = try stored.flatMap { log in try log.decoded().map(log.found) }
        return lines.isEmpty ? nil : lines
    }

    func result(_ id: String) async throws -> Data? {
        try await database.read { db in
            try Data.fetchOne(
                db, sql: "SELECT result FROM callResult WHERE id = ?", arguments: [id])
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
        "peakMemoryBytes", "bytesOut", "logBytes", "logTruncated", "template", "async", "isDead",
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
        func json(_ value: (some Encodable)?) throws -> String? {
            try value.map { String(decoding: try encoder.encode($0), as: UTF8.self) }
        }
        let fixed: [(any DatabaseValueConvertible)?] = [
            record.id, record.function, record.version, record.runtime.rawValue, record.queuedAtMs,
            record.bytesIn, record.timeoutMs, record.memoryMB, record.tmpMB,
        ]
        let outcome: [(any DatabaseValueConvertible)?] = [
            record.state.rawValue, record.cause, record.message, record.errorType,
            try json(record.stack), record.exitCode, record.signal, record.blocked,
            record.startedAtMs, record.endedAtMs,
        ]
        let measures: [(any DatabaseValueConvertible)?] = [
            record.queueMs, record.startMs, record.initMs, record.runMs, record.cpuMs,
            record.peakMemoryBytes, record.bytesOut, record.logBytes, record.logTruncated,
            record.template, try json(record.async), record.isDead,
        ]
        return StatementArguments(fixed + outcome + measures)
    }
}
