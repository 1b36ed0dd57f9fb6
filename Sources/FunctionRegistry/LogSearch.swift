import Foundation
import GRDB
import Synchronization

/// Which log lines are asked for.
public struct LogFilter: Sendable, Equatable {
    public var function: String?
    public var call: String?
    /// This level or a graver one; lines that name none count as `info`.
    public var level: LogLevel?
    /// In any case.
    public var text: String?
    /// Milliseconds since 1970 in UTC.
    public var sinceMs: Int64?
    public var untilMs: Int64?

    public init(
        function: String? = nil, call: String? = nil, level: LogLevel? = nil, text: String? = nil,
        sinceMs: Int64? = nil, untilMs: Int64? = nil
    ) {
        self.function = function
        self.call = call
        self.level = level
        self.text = text
        self.sinceMs = sinceMs
        self.untilMs = untilMs
    }

    /// Whether a line's own properties match; not its function and call.
    public func matches(_ line: CallLogLine) -> Bool {
        if let sinceMs, line.timeMs < sinceMs { return false }
        if let untilMs, line.timeMs > untilMs { return false }
        if let level, (LogLevel(line: line.text) ?? .info) < level { return false }
        if let text { return line.text.range(of: text, options: .caseInsensitive) != nil }
        return true
    }
}

/// A line and whose it is.
public struct FoundLine: Sendable, Equatable {
    public var call: String
    public var function: String
    public var attempt: Int
    public var line: CallLogLine

    public init(call: String, function: String, attempt: Int, line: CallLogLine) {
        self.call = call
        self.function = function
        self.attempt = attempt
        self.line = line
    }
}

extension CallRecorder {
    /// What an attempt printed.
    private struct Printed: Sendable {
        var id: String
        var attempt: Int
        var function: String
        var lines: [CallLogLine]

        /// Sorts as time does: attempts are 1 to 10.
        var key: String { "\(id)/\(String(UnicodeScalar(UInt8(0x40 + attempt))))" }
    }

    /// Bytes of logs that one search reads at most before it answers with what it has.
    private static let searchBytes = 32 << 20

    /// The lines of all calls that match, newest first by call.
    /// - Parameter limit: at least 1; a page may have fewer lines and still have a next page.
    /// - Throws: `RegistryError.invalidCursor`, `.storage`.
    public func lines(
        _ filter: LogFilter, limit: Int, cursor: String? = nil
    ) async throws -> Page<FoundLine> {
        // The key of an attempt, and how many of its lines were on earlier pages.
        var position: (key: String, skip: Int)?
        if let cursor {
            let parts = try PageCursor(cursor, list: .logs).key.split(separator: " ")
            guard parts.count == 2, let skip = Int(parts[1]), skip >= 0,
                parts[0].utf8.count == 28,
                CallIDGenerator.isWellFormed(String(parts[0].prefix(26))),
                parts[0].dropFirst(26).first == "/"
            else { throw RegistryError.invalidCursor }
            position = (String(parts[0]), skip)
        }
        let memory = state.withLock { $0.logs() }
            .map {
                Printed(
                    id: $0.record.id, attempt: $0.attempt, function: $0.record.function,
                    lines: $0.lines)
            }
            .filter {
                filter.function ?? $0.function == $0.function && filter.call ?? $0.id == $0.id
            }
        let known = Set(memory.map(\.key))
        var found: [FoundLine] = []
        var bytes = 0
        let oldest = try await oldestCall(printingSinceMs: filter.sinceMs)
        while true {
            let (chunk, end) = try await stored(filter, from: position?.key, to: oldest)
            var printed = chunk.filter { !known.contains($0.key) }
            for entry in memory {
                let isDue = position.map { entry.key <= $0.key } ?? true
                if isDue, end.map({ entry.key >= $0 }) ?? true { printed.append(entry) }
            }
            for entry in printed.sorted(by: { $0.key > $1.key }) {
                let skip = position?.key == entry.key ? position?.skip ?? 0 : 0
                let lines = entry.lines.reversed().filter(filter.matches)
                for (index, line) in lines.enumerated().dropFirst(skip) {
                    guard found.count < limit else {
                        return page(found, (entry.key, index))
                    }
                    found.append(
                        FoundLine(
                            call: entry.id, function: entry.function, attempt: entry.attempt,
                            line: line))
                }
                bytes += entry.lines.reduce(0) { $0 + $1.text.utf8.count + 32 }
            }
            guard let end else { return Page(items: found, nextCursor: nil) }
            position = (end, .max)
            if bytes > Self.searchBytes { return page(found, position) }
        }
    }

    private func page(_ found: [FoundLine], _ next: (key: String, skip: Int)?) -> Page<FoundLine> {
        let cursor = next.map { PageCursor(list: .logs, key: "\($0.key) \($0.skip)").encoded }
        return Page(items: found, nextCursor: cursor)
    }

    private static let chunk = 64

    /// The first call of those that printed since a time: searching goes no further back. `nil` for
    /// any call, also where so many have printed that matches are soon found.
    private func oldestCall(printingSinceMs sinceMs: Int64?) async throws -> String? {
        guard let sinceMs else { return nil }
        return try await storage("search the logs") {
            try await store.database.read { db in
                let row = try Row.fetchOne(db, sql: Self.oldestCallSQL, arguments: [sinceMs])
                guard let row, row["count"] < Self.countedAttempts else { return nil }
                return row["oldest"] ?? Self.afterAllCalls
            }
        }
    }

    private static let countedAttempts = 20_000

    /// By times: in the order of the ids everything older would be looked at first.
    static let oldestCallSQL = """
        SELECT min(id) AS oldest, count(*) AS count FROM (
            SELECT id FROM callLog INDEXED BY callLog_time WHERE timeMs >= ?
            LIMIT \(countedAttempts))
        """

    /// Sorts after every id.
    private static let afterAllCalls = "~"

    /// What the database has of attempts, newest first, from one on (with it) to a call.
    /// - Returns: those of one chunk, and the key of its last; `nil` when there are no more.
    private func stored(
        _ filter: LogFilter, from key: String?, to oldest: String?
    ) async throws -> (printed: [Printed], end: String?) {
        var conditions = ["1"]
        var arguments: StatementArguments = []
        func add(_ condition: String, _ value: (any DatabaseValueConvertible)?) {
            guard let value else { return }
            conditions.append(condition)
            arguments += [value]
        }
        add("function = ?", filter.function)
        add("id = ?", filter.call)
        add("timeMs >= ?", filter.sinceMs)
        add("id >= ?", oldest)
        // No call prints before it is accepted, by clocks that are read at almost the same time.
        let newest = filter.untilMs.map { CallIDGenerator.last(atMs: $0 + 1000) }
        add("id <= ?", [newest, key.map { String($0.prefix(26)) }].compactMap { $0 }.min())
        let sql = """
            SELECT id, attempt, function, lines FROM callLog
            WHERE \(conditions.joined(separator: " AND "))
            ORDER BY id DESC, attempt DESC LIMIT \(Self.chunk)
            """
        return try await storage("search the logs") {
            let printed = try await store.database.read { [arguments] db in
                try Row.fetchAll(db, sql: sql, arguments: arguments).map { row in
                    Printed(
                        id: row["id"], attempt: row["attempt"], function: row["function"],
                        lines: try JSONDecoder().decode([CallLogLine].self, from: row["lines"]))
                }
            }
            let end = printed.count < Self.chunk ? nil : printed.last?.key
            return (printed.filter { entry in key.map { entry.key <= $0 } ?? true }, end)
        }
    }
}
