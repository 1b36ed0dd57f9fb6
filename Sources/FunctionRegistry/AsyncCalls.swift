import Crypto
import Foundation
import GRDB
import Synchronization

/// A key that its caller gave to a call, so that asking twice runs it once.
public struct IdempotencyKey: Sendable {
    public var key: String
    /// A hash of what is asked for besides.
    public var fingerprint: Data

    /// - Parameter version: the one that was asked for by number.
    public init(key: String, version: Int?, event: some Sequence<UInt8>) {
        self.key = key
        var hash = SHA256()
        hash.update(data: Data("\(version.map(String.init) ?? "newest")\n".utf8))
        hash.update(data: Data(event))
        fingerprint = Data(hash.finalize())
    }
}

extension CallRecorder {
    // MARK: Accepting

    /// Accepts a call; it is on the disk when this returns.
    /// - Parameters:
    ///   - event: of an asynchronous call: kept until the call is over. Without it, the caller goes on
    ///     as after `recordQueued`.
    ///   - key: makes this the call that had the same key before, if there was one.
    /// - Returns: the id of the call: another than the record's when the key had one.
    /// - Throws: `RegistryError.idempotencyMismatch`, `.recorderFull`, `.storage`, `.storageFull`.
    public func accept(
        _ record: CallRecord, event: AcceptedEvent?, key: IdempotencyKey?
    ) async throws -> String {
        try state.withLock { try $0.checkRoom() }
        let keyAgeMs = store.retention.keyAgeMs
        let id = try await durably("accept the call \(record.id)") { [store] db in
            if let key {
                try Self.requireFunction(of: record, db)
                if let id = try Self.holder(of: key, record, keyAgeMs, db) { return id }
            }
            try store.write(CallWrite(record: record), db)
            if let event { try store.keep(event, of: record, db) }
            if let key {
                try db.execute(
                    sql: "INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?)",
                    arguments: [
                        record.function, key.key, key.fingerprint, record.id, record.queuedAtMs,
                    ])
            }
            return record.id
        }
        if id == record.id, event == nil { state.withLock { $0.add(record, isStored: true) } }
        return id
    }

    /// A key of a function that has been deleted must not become one of the next function of its name.
    private static func requireFunction(of record: CallRecord, _ db: Database) throws {
        let isGone = try Bool.fetchOne(
            db,
            sql: """
                SELECT EXISTS (SELECT 1 FROM function
                    WHERE name = ? AND (isDeleted = 1 OR firstVersion > ?))
                """, arguments: [record.function, record.version])
        if isGone == true { throw RegistryError.bundleGone(sha256: "") }
    }

    /// The id of the call that has a key already; `nil` when none has.
    /// - Parameter record: a call of the function that would be accepted now.
    /// - Throws: `RegistryError.idempotencyMismatch`, `.storage`.
    public func holder(of key: IdempotencyKey, for record: CallRecord) async throws -> String? {
        try await storage("look up an idempotency key") {
            try await store.database.read { [store] db in
                try Self.holder(of: key, record, store.retention.keyAgeMs, db)
            }
        }
    }

    private static func holder(
        of key: IdempotencyKey, _ record: CallRecord, _ keyAgeMs: Int64, _ db: Database
    ) throws -> String? {
        guard
            let row = try Row.fetchOne(
                db,
                sql: "SELECT * FROM idempotency WHERE function = ? AND idempotencyKey = ?",
                arguments: [record.function, key.key]),
            row["createdAtMs"] as Int64 > record.queuedAtMs - keyAgeMs
        else { return nil }
        let id: String = row["id"]
        guard row["fingerprint"] as Data == key.fingerprint else {
            throw RegistryError.idempotencyMismatch(callID: id)
        }
        return id
    }

    // MARK: Attempts

    /// The asynchronous calls that are not over, in the order of their acceptance.
    public func waitingCalls() async throws -> [WaitingCall] {
        try await storage("list the calls that wait") {
            try await store.database.read { db in
                let rows = try Row.fetchCursor(
                    db,
                    sql: """
                        SELECT asyncCall.id, dueAtMs, expiresAtMs, bytes, function, call.runtime,
                            concurrency
                        FROM asyncCall INDEXED BY asyncCall_waiting JOIN call USING (id)
                            LEFT JOIN functionVersion
                            ON functionVersion.name = function
                                AND functionVersion.version = call.version
                        WHERE asyncCall.isDead = 0 ORDER BY asyncCall.id
                        """)
                var calls: [WaitingCall] = []
                while let row = try rows.next() {
                    calls.append(
                        WaitingCall(
                            id: row["id"], function: row["function"], runtime: row["runtime"],
                            concurrency: row["concurrency"], dueAtMs: row["dueAtMs"],
                            expiresAtMs: row["expiresAtMs"], bytes: row["bytes"]))
                }
                return calls
            }
        }
    }

    /// Counts one more attempt of each of these calls, on the disk, and takes them into memory.
    /// - Returns: those that still wait.
    public func claim(_ ids: [String]) async throws -> [ClaimedCall] {
        let claimed = try await durably("claim \(ids.count) calls") { [store] db in
            try ids.compactMap { id -> ClaimedCall? in
                guard var record = try CallRecord.fetchOne(db, key: id), record.state == .queued,
                    let event = try Data.fetchOne(
                        db,
                        sql: """
                            SELECT event FROM asyncCall
                            WHERE id = ? AND isClaimed = 0 AND isDead = 0
                            """, arguments: [id])
                else { return nil }
                record.async?.attempt += 1
                record.async?.nextAttemptAtMs = nil
                try store.write(CallWrite(record: record), db)
                try db.execute(
                    sql: "UPDATE asyncCall SET isClaimed = 1 WHERE id = ?", arguments: [id])
                return ClaimedCall(
                    record: record, event: event,
                    settings: try store.asyncSettings(of: record, db))
            }
        }
        state.withLock { backlog in
            for call in claimed { backlog.add(call.record, isStored: true) }
        }
        return claimed
    }

    /// Notes the end of an attempt.
    /// - Parameters:
    ///   - webhookURL: who is told, when the call is over.
    ///   - update: fills in the outcome of the attempt; must set a final state.
    public func recordAttempt(
        id: String, log: [CallLogLine], outcome: AttemptOutcome, webhookURL: String?,
        update: (inout CallRecord) -> Void
    ) {
        end(id) { record in
            update(&record)
            return CallEnd(of: &record, outcome, log: log, webhookURL: webhookURL)
        }
    }

    /// Ends an asynchronous call that waits; it is on the disk when this returns.
    /// - Parameters:
    ///   - isDead: its event is kept for a replay.
    ///   - update: fills in the outcome; must set a final state. Is told the settings of the call.
    /// - Returns: false when it does not wait: it has been claimed, or is over.
    public func endWaiting(
        _ id: String, isDead: Bool,
        update: @escaping @Sendable (inout CallRecord, AsyncSettings) -> Void
    ) async throws -> Bool {
        let ended = try await durably("end the call \(id)") { [store] db in
            guard var record = try CallRecord.fetchOne(db, key: id), record.state == .queued,
                try Bool.fetchOne(
                    db, sql: "SELECT isClaimed = 0 AND isDead = 0 FROM asyncCall WHERE id = ?",
                    arguments: [id]) == true
            else { return false }
            let settings = try store.asyncSettings(of: record, db)
            update(&record, settings)
            record.isDead = isDead
            record.async?.nextAttemptAtMs = nil
            record.endedAtMs = record.endedAtMs ?? currentTimeMs()
            let end = CallEnd(
                event: isDead ? .dead : .removed, webhookURL: settings.webhook(for: record.state))
            try store.write(CallWrite(record: record, end: end), db)
            return true
        }
        if ended {
            for continuation in state.withLock({ $0.takeWaiting(id) }) { continuation.finish() }
        }
        return ended
    }

    /// Accepts a new call with a dead letter's event; it is on the disk when this returns.
    /// - Returns: the number of bytes of the event; `nil` when `id` is not a dead letter.
    public func replay(
        _ id: String, as record: CallRecord, settings: AsyncSettings
    ) async throws -> Int? {
        try await durably("replay the call \(id)") { [store] db in
            guard var letter = try CallRecord.fetchOne(db, key: id), letter.isDead,
                let event = try Data.fetchOne(
                    db, sql: "SELECT event FROM asyncCall WHERE id = ? AND isDead = 1",
                    arguments: [id])
            else { return nil }
            letter.isDead = false
            letter.async?.replayedAs = record.id
            try store.write(CallWrite(record: letter), db)
            var record = record
            record.bytesIn = event.count
            try store.write(CallWrite(record: record), db)
            try db.execute(sql: "DELETE FROM asyncCall WHERE id = ?", arguments: [id])
            try store.keep(AcceptedEvent(event, settings), of: record, db)
            return event.count
        }
    }
}
