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
}

/// What became of a call's webhook.
public struct WebhookState: Sendable, Equatable, Codable {
    /// `pending`, `delivered` or `failed`.
    public var state: String
    public var attempts: Int
    public var lastError: String?
}

extension CallRecorder {
    /// The webhooks that wait, the first due first.
    public func pendingWebhooks(limit: Int) async throws -> [PendingWebhook] {
        try await storage("list the webhooks that wait") {
            try await store.database.read { db in
                try Row.fetchAll(
                    db,
                    sql: """
                        SELECT id, url, attempts, dueAtMs FROM webhook WHERE state = 'pending'
                        ORDER BY dueAtMs LIMIT ?
                        """, arguments: [limit]
                ).map {
                    PendingWebhook(
                        id: $0["id"], url: $0["url"], attempts: $0["attempts"],
                        dueAtMs: $0["dueAtMs"])
                }
            }
        }
    }

    /// Notes that a webhook was tried.
    /// - Parameters:
    ///   - error: why it was not delivered.
    ///   - nextAtMs: when it is tried again; `nil` when it is not.
    public func noteWebhook(_ id: String, error: String?, nextAtMs: Int64?) async throws {
        try await durably("note the webhook of the call \(id)") { db in
            let state = error == nil ? "delivered" : nextAtMs == nil ? "failed" : "pending"
            try db.execute(
                sql: """
                    UPDATE webhook SET attempts = attempts + 1, state = ?, lastError = ?,
                        dueAtMs = coalesce(?, dueAtMs) WHERE id = ?
                    """, arguments: [state, error, nextAtMs, id])
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
