import Foundation
import GRDB

/// A webhook that is to be sent.
public struct PendingWebhook: Sendable, Equatable {
    /// The call's.
    public var id: String
    public var url: String
    /// Tries so far.
    public var attempts: Int
    /// Milliseconds since 1970 in UTC.
    public var dueAtMs: Int64
    /// The call's event, for a receiver that is a function.
    public var event: Data?
}

/// What became of a call's webhook.
public struct WebhookState: Sendable, Equatable, Codable {
    /// `pending`, `delivered` or `failed`.
    public var state: String
    public var attempts: Int
    public var lastError: String?
}

extension CallRecorder {
    /// The webhooks that are due, the first due first, and of each URL only some, so that one receiver
    /// that does not answer does not hold up the others.
    public func pendingWebhooks(
        dueByMs: Int64, ofEachURL each: Int, limit: Int
    ) async throws -> [PendingWebhook] {
        try await storage("list the webhooks that wait") {
            try await store.database.read { db in
                try Row.fetchAll(
                    db,
                    sql: """
                        SELECT id, url, attempts, dueAtMs, event FROM (
                            SELECT *, row_number() OVER (PARTITION BY url ORDER BY dueAtMs) AS place
                            FROM webhook WHERE state = 'pending' AND dueAtMs <= ?)
                        WHERE place <= ? ORDER BY dueAtMs LIMIT ?
                        """, arguments: [dueByMs, each, limit]
                ).map {
                    PendingWebhook(
                        id: $0["id"], url: $0["url"], attempts: $0["attempts"],
                        dueAtMs: $0["dueAtMs"], event: $0["event"])
                }
            }
        }
    }

    /// Counts a try of a webhook, on the disk, before it is made.
    /// - Parameter nextAtMs: when it is tried again, should nothing be heard of this try; `nil` when it
    ///   is the last.
    public func beginWebhook(_ id: String, nextAtMs: Int64?) async throws {
        try await durably("count a try of the webhook of the call \(id)") { db in
            try db.execute(
                sql: """
                    UPDATE webhook SET attempts = attempts + 1, dueAtMs = coalesce(?, dueAtMs),
                        state = ?, lastError = 'the evaluator stopped during the try' WHERE id = ?
                    """, arguments: [nextAtMs, nextAtMs == nil ? "failed" : "pending", id])
        }
    }

    /// Notes what became of a try.
    /// - Parameters:
    ///   - error: why it was not delivered.
    ///   - isLast: it is not tried again.
    public func endWebhook(_ id: String, error: String?, isLast: Bool) async throws {
        try await durably("note the webhook of the call \(id)") { db in
            let state = error == nil ? "delivered" : isLast ? "failed" : "pending"
            try db.execute(
                sql: "UPDATE webhook SET state = ?, lastError = ? WHERE id = ?",
                arguments: [state, error, id])
        }
    }

    /// What became of a call's webhook; `nil` when it has none.
    public func webhook(of id: String) async throws -> WebhookState? {
        try await storage("read the webhook of the call \(id)") {
            try await store.database.read { db in
                try Row.fetchOne(
                    db, sql: "SELECT state, attempts, lastError FROM webhook WHERE id = ?",
                    arguments: [id]
                ).map {
                    WebhookState(
                        state: $0["state"], attempts: $0["attempts"], lastError: $0["lastError"])
                }
            }
        }
    }
}
