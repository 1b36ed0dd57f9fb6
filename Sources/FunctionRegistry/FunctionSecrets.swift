import Foundation
import GRDB

/// The secret values of a version, in the clear. Never written or shown as they are.
public struct FunctionSecrets: Sendable, Equatable {
    /// Environment variables.
    public var environment: [String: String]
    /// See `WebhookKey`.
    public var webhook: String?

    public init(environment: [String: String] = [:], webhook: String? = nil) {
        self.environment = environment
        self.webhook = webhook
    }
}

/// The table of sealed values.
struct SecretStore {
    var keyring: SecretKeyring

    /// What stands for a variable's name with the key of webhooks; no variable has this name.
    private static let webhook = ":webhook"

    private static func place(_ name: String, _ version: Int, _ variable: String) -> String {
        "\(name)/\(version)/\(variable)"
    }

    func insert(_ secrets: FunctionSecrets, of name: String, version: Int, _ db: Database) throws {
        var values = secrets.environment
        values[Self.webhook] = secrets.webhook
        for (variable, value) in values {
            let sealed = try keyring.seal(value, place: Self.place(name, version, variable))
            try db.execute(
                sql: """
                    INSERT INTO functionSecret (name, version, variable, keyId, sealed)
                    VALUES (?, ?, ?, ?, ?)
                    """, arguments: [name, version, variable, sealed.keyID, sealed.bytes])
        }
    }

    func secrets(of name: String, version: Int, _ db: Database) throws -> FunctionSecrets {
        let rows = try Row.fetchAll(
            db,
            sql:
                "SELECT variable, keyId, sealed FROM functionSecret WHERE name = ? AND version = ?",
            arguments: [name, version])
        var secrets = FunctionSecrets()
        for row in rows {
            let variable: String = row["variable"]
            let value = try keyring.open(
                .init(keyID: row["keyId"], bytes: row["sealed"]),
                place: Self.place(name, version, variable))
            if variable == Self.webhook {
                secrets.webhook = value
            } else {
                secrets.environment[variable] = value
            }
        }
        return secrets
    }

    /// The values that a version is to have, where some are the ones of the version before.
    /// - Throws: `RegistryError.invalidFunction` when there is nothing to keep.
    static func resolve(_ spec: FunctionSpec, newest: FunctionSecrets?) throws -> FunctionSecrets {
        func value(_ secret: FunctionSpec.Secret, _ old: String?, _ field: String, _ name: String)
            throws -> String
        {
            if case .value(let value) = secret { return value }
            guard let old else {
                throw RegistryError.invalidFunction(
                    field: field,
                    message: "the newest version has no \(name) whose value could be kept; give one"
                )
            }
            return old
        }
        var secrets = FunctionSecrets()
        for (name, secret) in spec.secrets.sorted(by: { $0.key < $1.key }) {
            secrets.environment[name] = try value(
                secret, newest?.environment[name], "secretEnv", name)
        }
        secrets.webhook = try spec.webhookSecret.map {
            try value($0, newest?.webhook, "async.webhookSecret", "webhookSecret")
        }
        return secrets
    }

    /// Seals every value anew with the current key.
    func reseal(_ db: Database) throws -> Int {
        let rows = try Row.fetchAll(db, sql: "SELECT * FROM functionSecret")
        for row in rows {
            let (name, version, variable): (String, Int, String) = (
                row["name"], row["version"], row["variable"]
            )
            let place = Self.place(name, version, variable)
            let value = try keyring.open(
                .init(keyID: row["keyId"], bytes: row["sealed"]), place: place)
            let sealed = try keyring.seal(value, place: place)
            try db.execute(
                sql: """
                    UPDATE functionSecret SET keyId = ?, sealed = ?
                    WHERE name = ? AND version = ? AND variable = ?
                    """, arguments: [sealed.keyID, sealed.bytes, name, version, variable])
        }
        return rows.count
    }
}
