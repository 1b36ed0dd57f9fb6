import Foundation
import GRDB

/// A webhook that is to be sent.
public struct PendingWebhook: Sendable, Equatable {
    /// The call's.
    public var id: String
    public var url: String
    /// The name of the URL's host, or the function that is told.
    public var host: String
    /// The function that was called.
    public var function: String
    /// Tries so far.
    public var attempts: Int
    /// Milliseconds since 1970 in UTC.
    public var dueAtMs: Int64

    public init(
        id: String, url: String, host: String, function: String, attempts: Int = 0,
        dueAtMs: Int64 = 0
    ) {
        self.id = id
        self.url = url
        self.host = host
        self.function = function
        self.attempts = attempts
        self.dueAtMs = dueAtMs
    }
}

/// How many webhooks to each URL, to each host and of each function can have places at once; functions that have
/// none can exceed a host's up to twice.
public struct WebhookShares: Sendable {
    public var url: Int
    public var host: Int
    public var function: Int

    public init(url: Int, host: Int, function: Int) {
        self.url = url
        self.host = host
        self.function = function
    }
}

/// What became of a call's webhook.
public struct WebhookState: Sendable, Equatable, Codable {
    /// `pending`, `delivered` or `failed`.
    public var state: String
    public var attempts: Int
    public var lastError: String?
}

extension CallRecorder {
    /// The webhooks that are due: of each function those that were due first, in turn with other functions', and
    /// of each URL, host and function as many as can have places. So neither one that does not answer nor one
    /// that has many holds up the others.
    public func pendingWebhooks(
        dueByMs: Int64, shares: WebhookShares, limit: Int
    ) async throws -> [PendingWebhook] {
        try await storage("list the webhooks that wait") {
            try await store.database.read { db in
                try Row.fetchAll(
                    db,
                    sql: """
                        WITH due AS (
                            SELECT id, url, coalesce(host, url) AS host,
                                coalesce(function, id) AS function, attempts, dueAtMs
                            FROM webhook WHERE state = 'pending' AND dueAtMs <= ?),
                        turns AS (
                            SELECT *, row_number() OVER (
                                PARTITION BY function, host ORDER BY dueAtMs) AS turn FROM due),
                        places AS (
                            SELECT *,
                                row_number() OVER (PARTITION BY url ORDER BY turn, dueAtMs) AS ofURL,
                                row_number() OVER (PARTITION BY host ORDER BY turn, dueAtMs) AS ofHost,
                                row_number() OVER (PARTITION BY function ORDER BY turn, dueAtMs)
                                    AS ofFunction
                            FROM turns)
                        SELECT * FROM places WHERE ofURL <= ? AND ofHost <= ? AND ofFunction <= ?
                        ORDER BY turn, dueAtMs LIMIT ?
                        """,
                    arguments: [dueByMs, shares.url, 2 * shares.host, shares.function, limit]
                ).map {
                    PendingWebhook(
                        id: $0["id"], url: $0["url"], host: $0["host"], function: $0["function"],
                        attempts: $0["attempts"], dueAtMs: $0["dueAtMs"])
                }
            }
        }
    }

    /// The event of a call whose end a function is told of.
    public func webhookEvent(_ id: String) async throws -> Data? {
        try await storage("read the event of the call \(id)") {
            try await store.database.read { db in
                try Data.fetchOne(
                    db, sql: "SELECT event FROM webhook WHERE id = ?", arguments: [id])
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
