/// What is in memory of calls: those that are under way, and what waits to be written.
/// Everything here runs under the recorder's lock, so nothing here waits.
struct CallBacklog {
    /// What one transaction writes.
    struct Batch: Sendable {
        var writes: [String: CallWrite] = [:]
        var withdrawn: [String] = []
        var isEmpty: Bool { writes.isEmpty && withdrawn.isEmpty }
    }

    private struct Live {
        var record: CallRecord
        var isReplied = false
        var waiting: [AsyncStream<Never>.Continuation] = []
    }

    private let limits: CallBacklogLimits
    private var live: [String: Live] = [:]
    /// The calls in `live` of which the database has an older state, or none.
    private var dirty: Set<String> = []
    private var ended: [String: CallWrite] = [:]
    /// Calls to delete, because they may have been written before they were withdrawn.
    private var withdrawn: [String] = []
    /// The batch that is being written right now.
    private var writing = Batch()
    /// Bytes of the logs in `ended` and `writing`.
    private(set) var logBytes = 0
    /// Failed writes since the last that succeeded.
    private(set) var failures = 0
    private(set) var lastError: String?

    init(limits: CallBacklogLimits) {
        self.limits = limits
    }

    /// Records that the database has not yet in their newest state.
    var pendingRecords: Int { dirty.count + ended.count + writing.writes.count }

    // MARK: Changes

    mutating func add(_ record: CallRecord) throws {
        let held = live.count + ended.count + writing.writes.count
        guard held < limits.records, logBytes < limits.logBytes else {
            throw RegistryError.recorderFull(
                message: "\(held) call records with \(logBytes) bytes of logs wait to be written"
                    + (lastError.map { ": \($0)" } ?? "")
                    + "; see that the data directory's disk has space")
        }
        live[record.id] = Live(record: record)
        dirty.insert(record.id)
    }

    mutating func withdraw(_ id: String) {
        guard live.removeValue(forKey: id) != nil else { return }
        // Once it may have been written, it has to be deleted.
        if dirty.remove(id) == nil || writing.writes[id] != nil { withdrawn.append(id) }
    }

    mutating func updateLive(_ id: String, _ update: (inout CallRecord) -> Void) {
        guard var call = live[id] else { return }
        update(&call.record)
        live[id] = call
        dirty.insert(id)
    }

    mutating func noteReply(_ id: String) {
        live[id]?.isReplied = true
    }

    /// - Returns: those who wait for the call's end.
    mutating func end(
        _ id: String, log: [CallLogLine], nowMs: Int64, update: (inout CallRecord) -> Void
    ) -> [AsyncStream<Never>.Continuation] {
        guard let call = live.removeValue(forKey: id) else { return [] }
        dirty.remove(id)
        var record = call.record
        update(&record)
        record.endedAtMs = record.endedAtMs ?? nowMs
        let write = CallWrite(record: record, log: log)
        logBytes += write.logBytes
        ended[id] = write
        return call.waiting
    }

    // MARK: Batches

    /// Moves what is pending into the batch that is being written.
    mutating func takeBatch() -> Batch {
        writing = Batch(writes: ended, withdrawn: withdrawn)
        for id in dirty {
            if let call = live[id] { writing.writes[id] = CallWrite(record: call.record) }
        }
        ended = [:]
        withdrawn = []
        dirty = []
        return writing
    }

    /// - Returns: how often writing had failed before.
    mutating func batchWritten() -> Int {
        logBytes -= writing.writes.values.reduce(0) { $0 + $1.logBytes }
        writing = Batch()
        lastError = nil
        defer { failures = 0 }
        return failures
    }

    /// Puts a batch back.
    /// - Returns: how often writing has failed now.
    mutating func batchFailed(_ batch: Batch, error: String) -> Int {
        for (id, write) in batch.writes {
            if write.record.state.isFinal {
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
        ended[id] ?? live[id].map { CallWrite(record: $0.record) } ?? writing.writes[id]
    }

    /// Every call in memory in its newest state.
    func snapshot() -> [String: CallRecord] {
        var records = writing.writes.mapValues(\.record)
        for (id, call) in live { records[id] = call.record }
        for (id, write) in ended { records[id] = write.record }
        // A call that was withdrawn while it was being written.
        for id in withdrawn { records[id] = nil }
        return records
    }

    /// Registers one who waits for the end of a call.
    /// - Parameter replied: only when its caller has its answer.
    /// - Returns: false when there is nothing to wait for.
    mutating func addWaiting(
        _ id: String, replied: Bool, _ continuation: AsyncStream<Never>.Continuation
    ) -> Bool {
        guard let call = live[id], call.isReplied || !replied else { return false }
        live[id]?.waiting.append(continuation)
        return true
    }
}
