import Foundation
import GRDB
import Synchronization

/// Which log lines are asked for.
public struct LogFilter: Sendable, Hashable {
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

/// What an attempt printed, as it is stored.
struct StoredLog: Codable, FetchableRecord, Sendable {
    var id: String
    var attempt: Int
    var function: String
    /// JSON.
    var lines: Data

    func decoded() throws -> [CallLogLine] {
        try JSONDecoder().decode([CallLogLine].self, from: lines)
    }

    func found(_ line: CallLogLine) -> FoundLine {
        FoundLine(call: id, function: function, attempt: attempt, line: line)
    }

    var key: String { Self.key(id, attempt) }

    /// More lines than a call may print.
    static let allLines = 99_999

    /// Sorts as time does: attempts are 1 to 10, A to J.
    static func key(_ id: String, _ attempt: Int) -> String {
        "\(id)-\(String(UnicodeScalar(UInt8(0x40 + attempt))))"
    }

    /// The reverse of `key`; `nil` for a text that is none.
    static func parts(ofKey key: String) -> (id: String, attempt: Int)? {
        let id = String(key.prefix(26))
        guard CallIDGenerator.isWellFormed(id), let letter = key.unicodeScalars.last,
            ("A"..."J").contains(letter)
        else { return nil }
        let attempt = Int(letter.value) - 0x40
        return Self.key(id, attempt) == key ? (id, attempt) : nil
    }
}

/// How much one read of logs takes at most before it answers with what it has.
public enum LogReading {
    /// Bytes that are looked through.
    public static let searchedBytes = 32 << 20
    /// Bytes of lines that are answered with; one line is, however long it is.
    public static let answeredBytes = 1 << 20
    /// Bytes that are in memory at once, besides one attempt's.
    static let chunkBytes = 4 << 20
}

extension CallRecorder {
    /// What an attempt printed, in memory or as it is stored.
    private enum Printed: Sendable {
        case memory(key: String, call: CallRecord, attempt: Int, lines: [CallLogLine])
        case stored(StoredLog)

        var key: String {
            switch self {
            case .memory(let key, _, _, _): key
            case .stored(let log): log.key
            }
        }

        var call: (id: String, function: String, attempt: Int) {
            switch self {
            case .memory(_, let call, let attempt, _): (call.id, call.function, attempt)
            case .stored(let log): (log.id, log.function, log.attempt)
            }
        }

        func lines() throws -> [CallLogLine] {
            switch self {
            case .memory(_, _, _, let lines): lines
            case .stored(let log): try log.decoded()
            }
        }
    }

    /// The lines of all calls that match, newest first by call.
    /// - Parameter limit: at least 1; a page may have fewer lines and still have a next page.
    /// - Throws: `RegistryError.invalidCursor`, `.storage`.
    public func lines(
        _ filter: LogFilter, limit: Int, cursor: String? = nil
    ) async throws -> Page<FoundLine> {
        // The key of an attempt, and how many of its lines were on earlier pages.
        var position: (key: String, skip: Int)?
        if let cursor {
            let parts = try PageCursor(cursor, list: .logs).key.split(
                separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 2, let (id, attempt) = StoredLog.parts(ofKey: String(parts[0])),
                let skip = Int(parts[1]), (0...StoredLog.allLines).contains(skip)
            else { throw RegistryError.invalidCursor }
            position = (StoredLog.key(id, attempt), skip)
        }
        let memory = printedInMemory(filter)
        let known = Set(memory.map(\.key))
        var found: [FoundLine] = []
        var (searched, answered) = (0, 0)
        let oldest = try oldestCall(printingSinceMs: filter.sinceMs)
        while true {
            let (chunk, end) = try stored(filter, from: position?.key, to: oldest)
            var printed = chunk.map(Printed.stored).filter { !known.contains($0.key) }
            for entry in memory {
                let isDue = position.map { entry.key <= $0.key } ?? true
                if isDue, end.map({ entry.key >= $0 }) ?? true { printed.append(entry) }
            }
            for entry in printed.sorted(by: { $0.key > $1.key }) {
                let skip = position?.key == entry.key ? position?.skip ?? 0 : 0
                let lines = try storage("search the logs") { try entry.lines() }
                let (id, function, attempt) = entry.call
                let matching = lines.reversed().lazy.filter(filter.matches)
                for (index, line) in matching.enumerated().dropFirst(skip) {
                    let bytes = line.text.utf8.count
                    guard found.count < limit,
                        found.isEmpty || answered + bytes <= LogReading.answeredBytes
                    else { return page(found, (entry.key, index)) }
                    answered += bytes
                    found.append(
                        FoundLine(call: id, function: function, attempt: attempt, line: line))
                }
                searched += lines.reduce(0) { $0 + $1.text.utf8.count + 32 }
                // Further on from behind this one.
                if searched > LogReading.searchedBytes { return page(found, (entry.key, .max)) }
            }
            guard let end else { return Page(items: found, nextCursor: nil) }
            position = (end, .max)
        }
    }

    /// What attempts printed of which the database does not know yet.
    private func printedInMemory(_ filter: LogFilter) -> [Printed] {
        var printed: [Printed] = []
        visit { call, attempt, log in
            if !log.isEmpty, filter.function ?? call.function == call.function,
                filter.call ?? call.id == call.id
            {
                printed.append(
                    .memory(
                        key: StoredLog.key(call.id, attempt), call: call, attempt: attempt,
                        lines: log))
            }
            return true
        }
        return printed
    }

    private func page(_ found: [FoundLine], _ next: (key: String, skip: Int)?) -> Page<FoundLine> {
        let cursor = next.map {
            PageCursor(list: .logs, key: "\($0.key).\(min($0.skip, StoredLog.allLines))").encoded
        }
        return Page(items: found, nextCursor: cursor)
    }

    private static let chunk = 64

    /// The first call of those that printed since a time: searching goes no further back. `nil` for
    /// any call, also where so many have printed that matches are soon found.
    private func oldestCall(printingSinceMs sinceMs: Int64?) throws -> String? {
        guard let sinceMs else { return nil }
        return try storage("search the logs") {
            try store.readHere { db in
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
    ) throws -> (printed: [StoredLog], end: String?) {
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
        if let key, let last = key.utf8.last {
            // Not those of the same call that have been seen, or they would be all that a chunk has.
            conditions.append("(id < ? OR attempt <= ?)")
            arguments += [String(key.prefix(26)), Int(last) - 0x40]
        }
        let sql = """
            SELECT id, attempt, function, lines FROM callLog
            WHERE \(conditions.joined(separator: " AND "))
            ORDER BY id DESC, attempt DESC LIMIT \(Self.chunk)
            """
        return try storage("search the logs") {
            let (logs, isCut) = try store.readHere { db in
                let cursor = try StoredLog.fetchCursor(db, sql: sql, arguments: arguments)
                var logs: [StoredLog] = []
                var bytes = 0
                while let log = try cursor.next() {
                    logs.append(log)
                    bytes += log.lines.count
                    if bytes > LogReading.chunkBytes { return (logs, true) }
                }
                return (logs, false)
            }
            return (logs, !isCut && logs.count < Self.chunk ? nil : logs.last?.key)
        }
    }
}
