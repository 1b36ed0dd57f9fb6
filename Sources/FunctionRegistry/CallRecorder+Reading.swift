import Foundation
import GRDB
import Synchronization

extension CallRecorder {
    /// A call's record, in its newest state.
    public func call(_ id: String) async throws -> CallRecord? {
        guard CallIDGenerator.isWellFormed(id) else { return nil }
        if let write = state.withLock({ $0.find(id) }) { return write.record }
        return try await storage("read the call \(id)") { try await store.call(id) }
    }

    /// Waits for the end of a call whose caller has its answer already: the measurements follow the
    /// answer by some milliseconds. Does not wait for any other call.
    public func waitForReport(_ id: String, atMost limit: Duration) async {
        await wait(id, replied: true, atMost: limit)
    }

    /// Waits for the end of a call, queued or running. Returns at once for a call that is over, and
    /// for one that nobody knows.
    public func waitForEnd(_ id: String, atMost limit: Duration) async {
        await wait(id, replied: false, atMost: limit)
    }

    private func wait(_ id: String, replied: Bool, atMost limit: Duration) async {
        let (stream, continuation) = AsyncStream<Never>.makeStream()
        guard let number = state.withLock({ $0.addWaiting(id, replied: replied, continuation) })
        else { return }
        defer { state.withLock { $0.removeWaiting(id, number) } }
        // Over before there was anybody to tell.
        let record = try? await call(id)
        guard let record, !record.state.isFinal else { return }
        await withTaskGroup { group in
            group.addTask { for await _ in stream {} }
            group.addTask { try? await Task.sleep(for: limit) }
            await group.next()
            group.cancelAll()
        }
    }

    /// Calls that match, newest first.
    /// - Parameter limit: at least 1.
    /// - Throws: `RegistryError.invalidCursor`, `.storage`.
    public func calls(
        _ filter: CallFilter = CallFilter(), limit: Int, cursor: String? = nil
    ) async throws -> Page<CallRecord> {
        let before = try cursor.map { cursor in
            let id = try PageCursor(cursor, list: .calls).key
            guard CallIDGenerator.isWellFormed(id) else { throw RegistryError.invalidCursor }
            return id
        }
        // Memory first: what is written between the two reads is then in both, not in neither.
        var found: [String: CallRecord] = [:]
        visit(before: before) { record, _, _ in
            if filter.matches(record) { found[record.id] = record }
            return found.count <= limit
        }
        var position = before
        var stored: [String: CallRecord] = [:]
        // The database may have an older state of a call than memory, and match where the call no
        // longer does; so read on until there is a full page of others, or no more.
        while stored.count <= limit {
            let chunk = try storage("list the calls") {
                try store.calls(filter, before: position, limit: limit + 1)
            }
            for record in try newest(chunk) where filter.matches(record) {
                stored[record.id] = record
            }
            guard chunk.count > limit, let last = chunk.last else { break }
            position = last.id
        }
        found.merge(stored) { _, stored in stored }
        let newest = found.values.sorted { $0.id > $1.id }.prefix(limit + 1)
        return Page(fetched: Array(newest), limit: limit, list: .calls, key: \.id)
    }

    /// The newest states of calls that were read from the database.
    private func newest(_ stored: [CallRecord]) throws -> [CallRecord] {
        let open = stored.filter { !$0.state.isFinal }.map(\.id)[...]
        var newer: [String: CallRecord] = [:]
        for start in stride(from: 0, to: open.count, by: Self.visited) {
            let part = open[start..<min(start + Self.visited, open.count)]
            newer.merge(state.withLock { $0.records(of: part) }) { $1 }
        }
        // What is neither over nor in memory was written since it was read.
        let written = open.filter { newer[$0] == nil }
        if !written.isEmpty {
            let records = try storage("read calls") { try store.calls(written) }
            for record in records { newer[record.id] = record }
        }
        return stored.map { newer[$0.id] ?? $0 }
    }

    /// Calls in memory that are looked at while the lock is held.
    private static let visited = 256

    /// Looks at the calls in memory, newest first, while `body` answers that it wants more. It runs with the
    /// lock held, and so has to be short.
    func visit(
        before id: String? = nil,
        _ body: (CallRecord, _ attempt: Int, _ log: [CallLogLine]) -> Bool
    ) {
        var position = id
        repeat {
            position = state.withLock { backlog in
                backlog.visit(before: position, atMost: Self.visited, body)
            }
        } while position != nil
    }

    /// What a call printed; `nil` when there is no such call. Empty also when the retention has removed
    /// the lines: then `truncated` is true.
    public func log(_ id: String) async throws -> CallLog? {
        guard CallIDGenerator.isWellFormed(id) else { return nil }
        let memory = state.withLock { $0.find(id) }
        return try await storage("read the log of the call \(id)") {
            let stored: CallRecord? = memory == nil ? try await store.call(id) : nil
            guard let record = memory?.record ?? stored else { return nil }
            // Attempts before the one in memory are on the disk.
            let lines =
                record.async == nil && memory != nil
                ? [] : try store.log(id, before: memory?.end?.attempt ?? .max)
            let isLost = lines == nil && memory == nil && (record.logBytes ?? 0) > 0
            let newest = (memory?.end?.log ?? []).map {
                FoundLine(
                    call: id, function: record.function, attempt: memory?.end?.attempt ?? 1,
                    line: $0)
            }
            return CallLog(
                lines: (lines ?? []) + newest, truncated: record.logTruncated ?? false || isLost)
        }
    }

    /// The result of a call of which it was kept.
    public func result(_ id: String) async throws -> Data? {
        if let result = state.withLock({ $0.find(id) })?.end?.result { return result }
        return try await storage("read the result of the call \(id)") { try await store.result(id) }
    }

    func storage<T>(_ what: String, _ body: () async throws -> T) async throws -> T {
        do { return try await body() } catch { throw Self.storageError(error, what) }
    }

    func storage<T>(_ what: String, _ body: () throws -> T) throws -> T {
        do { return try body() } catch { throw Self.storageError(error, what) }
    }

    private static func storageError(_ error: any Error, _ what: String) -> any Error {
        switch error {
        case let error as DatabaseError: RegistryError(error, what)
        case let error as DecodingError:
            RegistryError.storage(message: "\(what): the stored lines are damaged: \(error)")
        default: error
        }
    }
}
