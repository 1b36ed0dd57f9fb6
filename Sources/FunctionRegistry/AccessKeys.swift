import Crypto
import Foundation
import GRDB

/// A pair that a client signs its requests with.
public struct AccessKey: Sendable, Equatable {
    /// 20 capital letters and digits.
    public var id: String
    public var description: String
    /// Milliseconds since 1970 in UTC.
    public var createdAtMs: Int64
}

extension FunctionRegistry {
    /// Makes an access key.
    /// - Returns: the key and its secret, which is told only now.
    public func makeAccessKey(
        description: String
    ) async throws -> (key: AccessKey, secret: String) {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        let key = AccessKey(
            id: "CLST" + String((0..<16).map { _ in letters[Int.random(in: 0..<letters.count)] }),
            description: description, createdAtMs: currentTimeMs())
        let secret = SymmetricKey(size: .init(bitCount: 240)).withUnsafeBytes {
            Data($0).base64EncodedString()
        }
        try await durably("make an access key") { [secrets] db in
            let sealed = try secrets.keyring.seal(secret, place: Self.place(key.id))
            try db.execute(
                sql: "INSERT INTO accessKey VALUES (?, ?, ?, ?, ?)",
                arguments: [
                    key.id, key.description, sealed.keyID, sealed.bytes, key.createdAtMs,
                ])
        }
        return (key, secret)
    }

    public func accessKeys() async throws -> [AccessKey] {
        try await read("list the access keys") { db in
            try Row.fetchAll(db, sql: "SELECT * FROM accessKey ORDER BY createdAtMs, id").map {
                AccessKey(
                    id: $0["id"], description: $0["description"], createdAtMs: $0["createdAtMs"])
            }
        }
    }

    /// The secrets of all access keys, by their ids.
    public func accessKeySecrets() async throws -> [String: String] {
        try await read("read the access keys") { [secrets] db in
            try Self.accessKeySecrets(secrets, db)
        }
    }

    /// The same, for the start, where waiting is no matter.
    public func accessKeySecretsNow() throws -> [String: String] {
        try storageErrors("read the access keys") {
            try database.read { try Self.accessKeySecrets(secrets, $0) }
        }
    }

    private static func accessKeySecrets(
        _ store: SecretStore, _ db: Database
    ) throws -> [String: String] {
        try Row.fetchAll(db, sql: "SELECT * FROM accessKey").reduce(into: [:]) { all, row in
            let id: String = row["id"]
            all[id] = try store.keyring.open(
                .init(keyID: row["keyId"], bytes: row["sealed"]), place: place(id))
        }
    }

    /// - Returns: false when there is no such key.
    public func removeAccessKey(_ id: String) async throws -> Bool {
        try await durably("remove an access key") { db in
            try db.execute(sql: "DELETE FROM accessKey WHERE id = ?", arguments: [id])
            return db.changesCount > 0
        }
    }

    private static func place(_ id: String) -> String { "access key/\(id)" }

    /// Seals the secret of every access key anew.
    static func resealAccessKeys(_ store: SecretStore, _ db: Database) throws -> Int {
        let rows = try Row.fetchAll(db, sql: "SELECT * FROM accessKey")
        for row in rows {
            let id: String = row["id"]
            let value = try store.keyring.open(
                .init(keyID: row["keyId"], bytes: row["sealed"]), place: place(id))
            let sealed = try store.keyring.seal(value, place: place(id))
            try db.execute(
                sql: "UPDATE accessKey SET keyId = ?, sealed = ? WHERE id = ?",
                arguments: [sealed.keyID, sealed.bytes, id])
        }
        return rows.count
    }
}
