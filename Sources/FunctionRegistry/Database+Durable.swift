import GRDB

extension Database {
    /// Runs one transaction that is on the disk when this returns. In WAL mode SQLite waits for the
    /// disk only with `synchronous` FULL; call records do with NORMAL, which a power failure (never a
    /// killed process) can cost the last transactions (sqlite.org/pragma.html#pragma_synchronous).
    func durableTransaction<T>(_ body: () throws -> T) throws -> T {
        try execute(sql: "PRAGMA synchronous = FULL")
        defer { try? execute(sql: "PRAGMA synchronous = NORMAL") }
        var result: Result<T, any Error>?
        try inTransaction(.immediate) {
            result = .success(try body())
            return .commit
        }
        guard let result else {
            throw RegistryError.storage(message: "the transaction has no result")
        }
        return try result.get()
    }
}
