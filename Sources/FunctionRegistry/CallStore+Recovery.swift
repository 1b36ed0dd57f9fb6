import Foundation
import GRDB

extension CallStore {
    /// Settles or puts back the calls that were under way when the last evaluator stopped.
    func recover(nowMs: Int64) throws {
        try database.write { db in
            try settleAttempts(nowMs, db)
            try db.execute(
                sql: """
                    UPDATE call SET state = 'failed', cause = 'evaluator_lost', endedAtMs = :now,
                        message = CASE state
                            WHEN 'queued' THEN 'the evaluator stopped before the call started'
                            ELSE 'the evaluator stopped while the call ran' END
                    WHERE state IN ('queued', 'running')
                        AND id NOT IN (SELECT id FROM asyncCall WHERE isDead = 0)
                    """, arguments: ["now": nowMs])
        }
    }

    /// The attempts whose end nobody saw.
    private func settleAttempts(_ nowMs: Int64, _ db: Database) throws {
        let ids = try String.fetchAll(
            db,
            sql: """
                SELECT id FROM asyncCall INDEXED BY asyncCall_waiting
                WHERE isDead = 0 AND isClaimed = 1
                """)
        for id in ids {
            guard var record = try CallRecord.fetchOne(db, key: id), let async = record.async else {
                continue
            }
            let settings = try asyncSettings(of: record, db)
            record.state = .failed
            record.cause = "evaluator_lost"
            record.message = "the evaluator stopped while the call ran"
            record.endedAtMs = nowMs
            let outcome = settings.outcome(
                ofAttempt: async.attempt, cause: record.cause, acceptedAtMs: record.queuedAtMs,
                nowMs: nowMs)
            let webhookURL = settings.webhook(for: record.state)
            let end = CallEnd(of: &record, outcome, webhookURL: webhookURL)
            try write(CallWrite(record: record, end: end), db)
        }
    }

    /// The settings that an asynchronous call was accepted with. Of one that an earlier version accepted, which
    /// did not write them down, its function's.
    func asyncSettings(of record: CallRecord, _ db: Database) throws -> AsyncSettings {
        let stored = try Data.fetchOne(
            db, sql: "SELECT CAST(settings AS BLOB) FROM asyncCall WHERE id = ?",
            arguments: [record.id])
        var settings: AsyncSettings
        if let stored {
            settings = try JSONDecoder().decode(AsyncSettings.self, from: stored)
        } else {
            let function = try FunctionVersion.fetchOne(
                db, key: ["name": record.function, "version": record.version])
            settings = function?.async ?? AsyncSettings()
        }
        settings.attempts = record.async?.maxAttempts ?? settings.attempts
        return settings
    }
}
