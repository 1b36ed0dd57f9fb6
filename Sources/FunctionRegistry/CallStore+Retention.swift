import Foundation
import GRDB

extension CallStore {
    /// Most rows that one pruning transaction removes, so that it never holds up the next batch long.
    private static let pruneStep = 2000

    private struct Usage {
        var calls: Int
        var logBytes: Int
        var resultBytes: Int
        var deadBytes: Int
        /// A function whose logs have more than their share.
        var function: (name: String, bytes: Int)?
        var hasOldLogs: Bool
        var hasOldKeys: Bool
    }

    /// Removes some of what is beyond the retention.
    /// - Returns: whether there may be more to remove.
    func prune(nowMs: Int64) throws -> Bool {
        let usage = try usage(nowMs)
        var left = false
        // A thousandth more is let be: one transaction for many records, not one for each new one.
        if usage.calls > retention.records + retention.records / 1000 {
            let surplus = min(usage.calls - retention.records, Self.pruneStep)
            let removed = try database.write { db in
                // Only calls that are over: the record of one that runs has to outlive it.
                try db.execute(
                    sql: """
                        DELETE FROM call WHERE id IN (
                            SELECT id FROM call WHERE endedAtMs IS NOT NULL ORDER BY id LIMIT ?)
                        """, arguments: [surplus])
                return db.changesCount
            }
            left = removed > 0 && usage.calls - removed > retention.records
        }
        if usage.hasOldLogs {
            left = try removeOld("callLog", "timeMs < ?", nowMs - retention.logAgeMs) || left
        }
        if let function = usage.function {
            let surplus = function.bytes - retention.functionLogBytes
            left = try removeOldest("callLog", "function = ?", [function.name], surplus) || left
        }
        if usage.logBytes > retention.logBytes {
            let surplus = usage.logBytes - retention.logBytes
            left = try removeOldest("callLog", "1", [], surplus) || left
        }
        if usage.resultBytes > retention.resultBytes {
            let surplus = usage.resultBytes - retention.resultBytes
            left = try removeOldest("callResult", "1", [], surplus) || left
        }
        if usage.deadBytes > retention.deadBytes {
            let surplus = usage.deadBytes - retention.deadBytes
            left = try removeOldest("asyncCall", "isDead = 1", [], surplus) || left
        }
        if usage.hasOldKeys {
            left =
                try removeOld("idempotency", "createdAtMs < ?", nowMs - retention.keyAgeMs) || left
        }
        return left
    }

    private func removeOld(_ table: String, _ condition: String, _ timeMs: Int64) throws -> Bool {
        try database.write { db in
            try db.execute(
                sql: """
                    DELETE FROM \(table) WHERE rowid IN (
                        SELECT rowid FROM \(table) WHERE \(condition) LIMIT \(Self.pruneStep))
                    """, arguments: [timeMs])
            return db.changesCount == Self.pruneStep
        }
    }

    /// Removes rows of a table that has `id` and `bytes`, the oldest calls' first, until `surplus`
    /// bytes are gone.
    private func removeOldest(
        _ table: String, _ condition: String, _ arguments: StatementArguments, _ surplus: Int
    ) throws -> Bool {
        try database.write { db in
            var surplus = surplus
            let oldest = try Row.fetchCursor(
                db,
                sql: """
                    SELECT rowid, id, bytes FROM \(table) WHERE \(condition)
                    ORDER BY id LIMIT \(Self.pruneStep)
                    """, arguments: arguments)
            var rows: [Row] = []
            while surplus > 0, let row = try oldest.next() {
                surplus -= row["bytes"] as Int
                rows.append(row.copy())
            }
            for row in rows {
                try db.execute(
                    sql: "DELETE FROM \(table) WHERE rowid = ?", arguments: [row["rowid"] as Int64])
                // Without its event a call cannot be replayed.
                if table == "asyncCall" {
                    try db.execute(
                        sql: "UPDATE call SET isDead = 0 WHERE id = ?",
                        arguments: [row["id"] as String])
                }
            }
            return !rows.isEmpty && surplus > 0
        }
    }

    private func usage(_ nowMs: Int64) throws -> Usage {
        try database.read { db in
            let row = try Row.fetchOne(db, sql: "SELECT * FROM usage")
            let largest = try Row.fetchOne(
                db, sql: "SELECT function, bytes FROM logUsage ORDER BY bytes DESC LIMIT 1")
            let bytes: Int = largest?["bytes"] ?? 0
            return Usage(
                calls: row?["calls"] ?? 0, logBytes: row?["logBytes"] ?? 0,
                resultBytes: row?["resultBytes"] ?? 0, deadBytes: row?["deadBytes"] ?? 0,
                function: bytes > retention.functionLogBytes
                    ? (largest?["function"] ?? "", bytes) : nil,
                hasOldLogs: try Bool.fetchOne(
                    db, sql: "SELECT EXISTS (SELECT 1 FROM callLog WHERE timeMs < ?)",
                    arguments: [nowMs - retention.logAgeMs]) ?? false,
                hasOldKeys: try Bool.fetchOne(
                    db, sql: "SELECT EXISTS (SELECT 1 FROM idempotency WHERE createdAtMs < ?)",
                    arguments: [nowMs - retention.keyAgeMs]) ?? false)
        }
    }
}
