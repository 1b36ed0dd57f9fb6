import GRDB

/// A change that somebody waits for: it joins others and the batch of records in one transaction, which
/// is on the disk before anybody is told.
final class DurableOperation: Sendable {
    /// Runs in a savepoint of its own, so that its failure is nobody else's.
    let body: @Sendable (Database) throws -> Void
    /// Called once, when the transaction is on the disk or has failed.
    let done: @Sendable (Result<Void, any Error>) -> Void

    init(
        body: @escaping @Sendable (Database) throws -> Void,
        done: @escaping @Sendable (Result<Void, any Error>) -> Void
    ) {
        self.body = body
        self.done = done
    }
}
