import GRDB

/// What is in memory of calls: those that are under way, and what waits to be written.
/// Everything here runs under the recorder's lock, so nothing here waits.
struct CallBacklog {
    /// What one transaction writes.
    struct Batch: Sendable {
        var writes: [String: CallWrite] = [:]
        var withdrawn: [String] = []
        var operations: [DurableOperation] = []
        var isEmpty: Bool { writes.isEmpty && withdrawn.isEmpty && operations.isEmpty }
    }

    private struct Live {
        var record: CallRecord
        var isReplied = false
        /// What it has printed so far.
        var log: [CallLogLine] = []
    }

    private let limits: CallBacklogLimits
    private var live: [String: Live] = [:]
    /// The ids of all calls in memory, for lists.
    private var order = CallOrder()
    /// The calls in `live` of which the database has an older state, or none.
    private var dirty: Set<String> = []
    private var ended: [String: CallWrite] = [:]
    /// Whether attempts of asynchronous calls are in `ended`.
    private(set) var hasEndedAttempts = false
    /// Calls to delete, because they may have been written before they were withdrawn.
    private var withdrawn: [String] = []
    private var operations: [DurableOperation] = []
    /// The batch that is being written right now.
    private var writing = Batch()
    private var waiting: [String: [Int: AsyncStream<Never>.Continuation]] = [:]
    private var lastWaiting = 0
    /// Bytes of the logs and results in `ended` and `writing`.
    private(set) var bytes = 0
    /// Failed writes since the last that succeeded.
    private(set) var failures = 0
    private(set) var lastError: String?

    init(limits: CallBacklogLimits) {
        self.limits = limits
    }

    /// Records that the database has not yet in their newest state.
    var pendingRecords: Int { dirty.count + ended.count + writing.writes.count }

    // MARK: Changes

    /// - Throws: `RegistryError.recorderFull` when no more may wait to be written.
    func checkRoom() throws {
        let held = live.count + ended.count + writing.writes.count
        guard held < limits.records, bytes < limits.logBytes else {
            throw RegistryError.recorderFull(
                message: "\(held) call records with \(bytes) bytes of logs wait to be written"
                    + (lastError.map { ": \($0)" } ?? "")
                    + "; see that the data directory's disk has space")
        }
    }

    /// Takes a call that is under way.
    /// - Parameter isStored: the database has it in this state already.
    mutating func add(_ record: CallRecord, isStored: Bool = false) {
        live[record.id] = Live(record: record)
        order.insert(record.id)
        if !isStored { dirty.insert(record.id) }
    }

    mutating func withdraw(_ id: String) {
        guard let call = live.removeValue(forKey: id) else { return }
        let isWritten = dirty.remove(id) == nil || writing.writes[id] != nil
        // Once it may have been written, it has to be deleted.
        if isWritten { withdrawn.append(call.record.id) }
    }

    mutating func updateLive(_ id: String, _ update: (inout CallRecord) -> Void) {
        guard var call = live[id] else { return }
        update(&call.record)
        live[id] = call
        dirty.insert(id)
    }

    mutating func notePrinted(_ id: String, _ lines: [CallLogLine]) {
        live[id]?.log += lines
    }

    mutating func noteReply(_ id: String) {
        live[id]?.isReplied = true
    }

    /// Takes the end of an attempt.
    mutating func end(
        _ id: String, nowMs: Int64, _ update: (inout CallRecord) -> CallEnd
    ) -> [AsyncStream<Never>.Continuation] {
        guard let call = live.removeValue(forKey: id) else { return [] }
        dirty.remove(id)
        var record = call.record
        let end = update(&record)
        if record.state.isFinal { record.endedAtMs = record.endedAtMs ?? nowMs }
        let write = CallWrite(record: record, end: end)
        bytes += write.bytes
        ended[id] = write
        if record.async != nil { hasEndedAttempts = true }
        return record.state.isFinal ? takeWaiting(id) : []
    }

    mutating func add(_ operation: DurableOperation) {
        operations.append(operation)
    }

    // MARK: Batches

    /// Moves what is pending into the batch that is being written.
    mutating func takeBatch() -> Batch {
        writing = Batch(writes: ended, withdrawn: withdrawn, operations: operations)
        for id in dirty {
            if let call = live[id] { writing.writes[id] = CallWrite(record: call.record) }
        }
        ended = [:]
        hasEndedAttempts = false
        withdrawn = []
        operations = []
        dirty = []
        return writing
    }

    /// - Returns: how often writing had failed before.
    mutating func batchWritten() -> Int {
        bytes -= writing.writes.values.reduce(0) { $0 + $1.bytes }
        writing = Batch()
        order.compact(held: live.count + ended.count) { live[$0] != nil || ended[$0] != nil }
        lastError = nil
        defer { failures = 0 }
        return failures
    }

    /// Puts a batch back, but for its operations, which have failed.
    /// - Returns: how often writing has failed now.
    mutating func batchFailed(_ batch: Batch, error: String) -> Int {
        for (id, write) in batch.writes {
            if write.end != nil {
                ended[id] = write
            } else if live[id] != nil {
                dirty.insert(id)
            }
        }
        withdrawn += batch.withdrawn
        writing = Batch()
        lastError = error
        failures += 1
        return failures
    }

    // MARK: Reads

    /// The newest state of a call that is in memory, with its log.
    func find(_ id: String) -> CallWrite? {
        if let write = ended[id] { return write }
        if let call = live[id] {
            let attempt = call.record.async?.attempt ?? 1
            return CallWrite(record: call.record, end: CallEnd(log: call.log, attempt: attempt))
        }
        return writing.writes[id]
    }

    /// The newest states of those calls that are in memory, of a few.
    func records(of ids: some Sequence<String>) -> [String: CallRecord] {
        var records: [String: CallRecord] = [:]
        for id in ids { records[id] = record(id) }
        return records
    }

    private func record(_ id: String) -> CallRecord? {
        if let write = ended[id] { return write.record }
        if let call = live[id] { return call.record }
        // A call that was withdrawn while it was being written.
        return withdrawn.contains(id) ? nil : writing.writes[id]?.record
    }

    /// Some of the calls in memory, newest first, in their newest states.
    /// - Parameters:
    ///   - id: from behind this one on; `nil` for the newest.
    ///   - count: of calls that are looked at at most: the lock is held meanwhile.
    ///   - body: takes a record, and what an attempt in memory printed; for each attempt of a call. Answers whether
    ///     more are wanted.
    /// - Returns: where to go on; `nil` when there are no more, or no more are wanted.
    func visit(
        before id: String?, atMost count: Int,
        _ body: (CallRecord, _ attempt: Int, _ log: [CallLogLine]) -> Bool
    ) -> String? {
        let ids = order.ids(before: id, atMost: count)
        for id in ids {
            guard let record = record(id) else { continue }
            let attempt = record.async?.attempt ?? 1
            var goesOn = true
            if let write = ended[id] {
                goesOn = body(record, write.end?.attempt ?? attempt, write.end?.log ?? [])
            } else if let call = live[id] {
                goesOn = body(record, attempt, call.log)
            }
            // One attempt can be written while the next one runs.
            if goesOn, let write = writing.writes[id] {
                goesOn = body(record, write.end?.attempt ?? attempt, write.end?.log ?? [])
            }
            guard goesOn else { return nil }
        }
        return ids.count < count ? nil : ids.last
    }

    // MARK: Those who wait for the end of a call

    /// - Parameter replied: only when the call's caller has its answer.
    /// - Returns: what to remove it with; `nil` when there is nothing to wait for.
    mutating func addWaiting(
        _ id: String, replied: Bool, _ continuation: AsyncStream<Never>.Continuation
    ) -> Int? {
        if replied, live[id]?.isReplied != true { return nil }
        lastWaiting += 1
        waiting[id, default: [:]][lastWaiting] = continuation
        return lastWaiting
    }

    mutating func removeWaiting(_ id: String, _ number: Int) {
        waiting[id]?[number] = nil
        if waiting[id]?.isEmpty == true { waiting[id] = nil }
    }

    mutating func takeWaiting(_ id: String) -> [AsyncStream<Never>.Continuation] {
        waiting.removeValue(forKey: id).map { Array($0.values) } ?? []
    }
}
