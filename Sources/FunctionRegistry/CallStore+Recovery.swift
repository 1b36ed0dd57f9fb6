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
            let function = try FunctionVersion.fetchOne(
                db, key: ["name": record.function, "version": record.version])
            var settings = function?.async ?? AsyncSettings()
            settings.attempts = async.maxAttempts
            record.state = .failed
            record.cause = "evaluator_lost"
            record.message = "the evaluator stopped while the call ran"
            record.endedAtMs = nowMs
            let pause = settings.pause(
                after: async.attempt, cause: "evaluator_lost", ageMs: nowMs - record.queuedAtMs)
            let webhookURL = settings.webhook(for: record.state)
            let end = CallEnd(
                of: &record, pause.map { .retry(atMs: nowMs + $0) } ?? .dead, webhookURL: webhookURL
            )
            try write(CallWrite(record: record, end: end), db)
        }
    }
}
