import Foundation
import GRDB
import Logging
import Synchronization

/// Keeps the records of calls: in memory at once, on the disk a moment later.
///
/// Nothing of a call waits for the disk. What happens to a call is noted under a lock that is held
/// for microseconds; `run()` writes everything that is pending in one transaction, at most about 100
/// milliseconds after the first of it, so a short call is written once, when it is over. Ends of
/// attempts, which nobody else knows of, wait for 20 at most. Reads see memory first.
public final class CallRecorder: Sendable {
    let state: Mutex<CallBacklog>
    let store: CallStore
    let queue = WorkQueue(label: "call recorder")
    private let logger: Logger
    /// Wakes `run()`; one pending wake-up is as good as many.
    private let wakeUps: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)

    /// How long an attempt's end may wait for others to be written with, and how much longer the rest.
    private static let attemptDelay = Duration.milliseconds(20)
    private static let furtherDelay = Duration.milliseconds(80)

    /// - Throws: `RegistryError.storage` when the calls that the last evaluator left cannot be settled.
    init(store: CallStore, backlog: CallBacklogLimits, logger: Logger) throws {
        self.store = store
        self.logger = logger
        state = Mutex(CallBacklog(limits: backlog))
        wakeUps = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        try storageErrors("settle the calls of the last run") {
            try store.recover(nowMs: currentTimeMs())
        }
    }

    // MARK: Noting what happens

    /// Notes a call that was accepted and waits for a cell.
    /// - Throws: `RegistryError.recorderFull` when too much waits to be written: the call must not run.
    public func recordQueued(_ record: CallRecord) throws {
        try state.withLock { backlog in
            try backlog.checkRoom()
            backlog.add(record)
        }
        wakeUps.continuation.yield()
    }

    /// Takes back `recordQueued` for a call that was refused after all.
    public func withdraw(_ id: String) {
        let waiting = state.withLock { backlog in
            backlog.withdraw(id)
            return backlog.takeWaiting(id)
        }
        for continuation in waiting { continuation.finish() }
        wakeUps.continuation.yield()
    }

    /// Notes that a cell has been given the call.
    /// - Parameter startedAtMs: milliseconds since 1970 in UTC.
    public func recordStarted(id: String, startedAtMs: Int64, template: String) {
        state.withLock { backlog in
            backlog.updateLive(id) { record in
                record.state = .running
                record.startedAtMs = startedAtMs
                record.template = template
            }
        }
        wakeUps.continuation.yield()
    }

    /// Notes what a running call has printed, for those who look at it meanwhile.
    public func recordPrinted(id: String, lines: [CallLogLine]) {
        state.withLock { $0.notePrinted(id, lines) }
    }

    /// Notes that the caller has its answer, so that the rest of the record is due any moment.
    public func recordReplied(id: String) {
        state.withLock { $0.noteReply(id) }
    }

    /// Notes that the call is over.
    /// - Parameters:
    ///   - log: everything that it printed.
    ///   - result: its result, where it is to be kept for readers.
    ///   - update: fills in the outcome; must set a final state. An `endedAtMs` that it leaves out is
    ///     now.
    public func recordEnded(
        id: String, log: [CallLogLine], result: Data? = nil, update: (inout CallRecord) -> Void
    ) {
        end(id) { record in
            update(&record)
            return CallEnd(log: log, result: result)
        }
    }

    /// Takes the end of an attempt, and tells those who wait when the call is over.
    func end(_ id: String, _ update: (inout CallRecord) -> CallEnd) {
        let waiting = state.withLock { $0.end(id, nowMs: currentTimeMs(), update) }
        for continuation in waiting { continuation.finish() }
        wakeUps.continuation.yield()
    }

    // MARK: Writing

    /// Writes what is pending, again and again, until its task is cancelled; then once more.
    public func run() async {
        for await _ in wakeUps.stream {
            // Cancelled here, the sleeps end at once and the loop with them.
            try? await Task.sleep(for: Self.attemptDelay)
            if !state.withLock({ $0.hasEndedAttempts }) {
                try? await Task.sleep(for: Self.furtherDelay)
            }
            await writePending()
            if Task.isCancelled { break }
        }
        await flush()
    }

    /// Writes everything that is pending now.
    /// - Returns: whether all of it is in the database; otherwise `health` says why not.
    @discardableResult
    public func flush() async -> Bool {
        do {
            try await queue.run { [self] in _ = try writeBatch() }
            return true
        } catch {
            return false
        }
    }

    /// Writes one batch and prunes; comes back to what is left after a while.
    private func writePending() async {
        do {
            try await queue.run { [self] in try writeBatch() }
        } catch {
            let failures = state.withLock { $0.failures }
            wakeUps.continuation.yield()
            try? await Task.sleep(for: .milliseconds(min(5000, 100 << min(failures, 6))))
            return
        }
        do {
            let more = try await queue.run { [self] in try store.prune(nowMs: currentTimeMs()) }
            if more { wakeUps.continuation.yield() }
        } catch {
            logger.error(
                "what is beyond the retention cannot be removed", metadata: ["reason": "\(error)"])
            try? await Task.sleep(for: .seconds(1))
        }
    }

    /// Makes a change that is on the disk when this returns. What is pending is written before it.
    func durably<T: Sendable>(
        _ what: String, _ body: @escaping @Sendable (Database) throws -> T
    ) async throws -> T {
        let outcome = Mutex<T?>(nil)
        try await withCheckedThrowingContinuation {
            (continuation: CheckedContinuation<Void, any Error>) in
            let operation = DurableOperation(
                body: { db in
                    let result = try body(db)
                    outcome.withLock { $0 = result }
                },
                done: { result in
                    continuation.resume(
                        with: result.mapError { error in
                            (error as? DatabaseError).map { RegistryError($0, what) } ?? error
                        })
                })
            state.withLock { $0.add(operation) }
            queue.schedule { [self] in try? writeBatch() }
        }
        guard let result = outcome.withLock({ $0 }) else {
            throw RegistryError.storage(message: "\(what): the operation has no result")
        }
        return result
    }

    /// Runs on the queue. What could not be written stays pending.
    private func writeBatch() throws {
        let batch = state.withLock { $0.takeBatch() }
        do {
            let results = batch.isEmpty ? [] : try write(batch)
            let failures = state.withLock { $0.batchWritten() }
            if failures > 0 { logger.notice("call records are being written again") }
            for (operation, result) in zip(batch.operations, results) { operation.done(result) }
        } catch {
            let failures = state.withLock { $0.batchFailed(batch, error: "\(error)") }
            for operation in batch.operations { operation.done(.failure(error)) }
            // Once for each time that it begins; `health` tells for how long it lasts.
            if failures == 1 {
                logger.error(
                    "call records cannot be written and are kept in memory",
                    metadata: ["reason": "\(error)"])
            }
            throw error
        }
    }

    /// One transaction, which waits for the disk only when somebody waits for it.
    private func write(_ batch: CallBacklog.Batch) throws -> [Result<Void, any Error>] {
        func body(_ db: Database) throws -> [Result<Void, any Error>] {
            try store.write(Array(batch.writes.values), withdrawn: batch.withdrawn, db)
            return batch.operations.map { operation in
                Result {
                    try db.inSavepoint {
                        try operation.body(db)
                        return .commit
                    }
                }
            }
        }
        return try storageErrors("write call records") {
            try store.database.writeWithoutTransaction { db in
                if !batch.operations.isEmpty { return try db.durableTransaction { try body(db) } }
                var results: [Result<Void, any Error>] = []
                try db.inTransaction {
                    results = try body(db)
                    return .commit
                }
                return results
            }
        }
    }

    /// What waits to be written, and why it could not be.
    public struct Health: Sendable, Equatable {
        public var pendingRecords: Int
        public var pendingLogBytes: Int
        /// The last write's error; `nil` when it succeeded.
        public var lastError: String?
    }

    public var health: Health {
        state.withLock { backlog in
            Health(
                pendingRecords: backlog.pendingRecords, pendingLogBytes: backlog.bytes,
                lastError: backlog.lastError)
        }
    }
}
