import GRDB

/// Functions and their versions, read.
extension FunctionRegistry {
    /// The newest version of a function, or the one with the given number.
    public func function(_ name: String, version: Int? = nil) async throws -> FunctionVersion? {
        try await read("look up \(name)") { db in
            if let version {
                return try FunctionVersion.fetchOne(db, key: ["name": name, "version": version])
            }
            return try FunctionVersion.fetchOne(
                db,
                sql: """
                    SELECT functionVersion.* FROM function JOIN functionVersion
                        ON functionVersion.name = function.name AND version = lastVersion
                    WHERE function.name = ? AND isDeleted = 0
                    """, arguments: [name])
        }
    }

    /// The secret values of a version, in the clear.
    /// - Throws: `RegistryError.storage`, also when a value cannot be decrypted.
    public func secrets(of function: FunctionVersion) async throws -> FunctionSecrets {
        try await read("read the secrets of \(function.name)") { [secrets] db in
            try secrets.secrets(of: function.name, version: function.version, db)
        }
    }

    /// The newest version of each function, in name order.
    /// - Parameter limit: at least 1.
    /// - Throws: `RegistryError.invalidCursor`.
    public func functions(
        limit: Int, cursor: String? = nil, of scope: FunctionScope = .all
    ) async throws -> Page<FunctionVersion> {
        let after = try cursor.map { cursor in
            let name = try PageCursor(cursor, list: .functions).key
            guard (try? FunctionSpec.validate(name: name)) != nil else {
                throw RegistryError.invalidCursor
            }
            return name
        }
        let fetched = try await functions(limit: limit + 1, after: after ?? "", of: scope)
        return Page(fetched: fetched, limit: limit, list: .functions, key: \.name)
    }

    /// The newest version of each function whose name sorts after one, in name order.
    public func functions(
        limit: Int, after name: String, of scope: FunctionScope = .all
    ) async throws -> [FunctionVersion] {
        try await read("list the functions") { db in
            try FunctionVersion.fetchAll(
                db,
                sql: """
                    SELECT functionVersion.* FROM function JOIN functionVersion
                        ON functionVersion.name = function.name AND version = lastVersion
                    WHERE function.name > ? AND isDeleted = 0 AND \(scope.condition)
                    ORDER BY function.name LIMIT ?
                    """, arguments: [name] + scope.arguments + [limit])
        }
    }

    /// How many functions there are, and the bytes of the newest versions' code, unpacked, of those that have no
    /// document in a collection.
    public func sizes(
        besides collection: String
    ) async throws -> (functions: Int, codeBytes: Int) {
        try await read("count the functions") { db in
            let row = try Row.fetchOne(
                db,
                sql: """
                    SELECT count(*) AS functions,
                        sum(iif(document.key IS NULL, codeBytes, 0)) AS bytes
                    FROM function JOIN functionVersion
                        ON functionVersion.name = function.name AND version = lastVersion
                    LEFT JOIN document ON collection = ? AND key = function.name
                    WHERE isDeleted = 0
                    """, arguments: [collection])
            return (row?["functions"] ?? 0, row?["bytes"] ?? 0)
        }
    }

    /// The versions of a function, newest first; `nil` when there is no such function.
    /// - Throws: `RegistryError.invalidCursor`.
    public func versions(
        of name: String, limit: Int, cursor: String? = nil
    ) async throws -> Page<FunctionVersion>? {
        let before = try cursor.map { cursor in
            let key = try PageCursor(cursor, list: .versions).key
            guard let number = Int(key), number > 0, String(number) == key else {
                throw RegistryError.invalidCursor
            }
            return number
        }
        let fetched: [FunctionVersion]? = try await read("list the versions of \(name)") { db in
            guard let row = try FunctionRow.fetchOne(db, key: name), !row.isDeleted else {
                return nil
            }
            return try FunctionVersion.fetchAll(
                db,
                sql: """
                    SELECT * FROM functionVersion WHERE name = ? AND version < ?
                    ORDER BY version DESC LIMIT ?
                    """, arguments: [name, before ?? Int.max, limit + 1])
        }
        return fetched.map {
            Page(fetched: $0, limit: limit, list: .versions) { String($0.version) }
        }
    }
}
