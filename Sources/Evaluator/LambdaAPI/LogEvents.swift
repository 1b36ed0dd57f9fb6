import Foundation
import FunctionRegistry

/// The lines of a function's calls, one call after the other, and page by page. Nothing here has more in
/// memory than a page and what one call printed.
struct LogEvents: Sendable {
    struct Event {
        var stream: String
        var line: LambdaLogs.Line
        /// The call's, and the line's place among those of the call.
        var call: String
        var place: Int

        /// As CloudWatch counts them.
        var bytes: Int { line.text.utf8.count + 26 }
    }

    /// What one answer takes at most: lines, their bytes, and what is looked at for them.
    struct Budget {
        private let limit: Int
        private(set) var events: [Event] = []
        private var bytes = 0
        private var calls = 0
        private var searched = 0

        init(limit: Int) { self.limit = limit }

        /// - Returns: false when the event has no room; it is not taken then.
        mutating func take(_ event: Event) -> Bool {
            guard events.count < limit,
                events.isEmpty || bytes + event.bytes <= LogReading.answeredBytes
            else { return false }
            events.append(event)
            bytes += event.bytes
            return true
        }

        /// One more call has been looked at, and so many bytes of its lines.
        mutating func look(bytes: Int = 0) {
            calls += 1
            searched += bytes
        }

        /// Whether no more is to be looked at.
        var isSpent: Bool {
            calls >= LogEvents.maximumCalls || searched > LogReading.searchedBytes
        }

        /// In the order of time.
        var sorted: [Event] {
            events.sorted {
                ($0.line.timeMs, $0.call, $0.place) < ($1.line.timeMs, $1.call, $1.place)
            }
        }
    }

    let registry: FunctionRegistry
    let functions: LambdaFunctions
    /// The one that the functions are in.
    let region: String

    /// A call's lines can be this much later than its acceptance: it may have waited for hours.
    static let longestMs: Int64 = 8 * 3_600_000
    /// Calls that one answer looks at.
    static let maximumCalls = 20_000
    /// Calls that are read at once.
    static let chunk = 25

    func filter(_ input: JSONValue) async throws -> JSONValue {
        let group = try await LogGroup(input, functions, in: region)
        let pattern = try LogPattern(input["filterPattern"]?.string ?? "")
        let names = input["logStreamNames"]?.strings.map(Set.init)
        let prefix = input["logStreamNamePrefix"]?.string ?? ""
        guard names == nil || prefix.isEmpty else {
            throw CloudWatchLogs.invalid(
                "logStreamNames and logStreamNamePrefix cannot both be given.")
        }
        let (since, until) = Self.times(input)
        var (position, skipped) = try Self.position(input["nextToken"]?.string)
        var budget = Budget(limit: input["limit"]?.int ?? 10_000)
        var next: String?
        search: repeat {
            let calls = try await registry.calls.history(
                of: group.functions, sinceMs: since - Self.longestMs, untilMs: until,
                from: position.map(CallIDGenerator.behind), limit: Self.chunk)
            for call in calls {
                let stream = try await stream(of: call, in: group)
                if names.map({ $0.contains(stream) }) ?? true, stream.hasPrefix(prefix) {
                    let printed = try await events(of: call, stream, &budget)
                        .filter { (since...until).contains($0.line.timeMs) }
                    let found = printed.lazy.filter { pattern.matches($0.line.text) }
                    for (place, event) in found.enumerated().dropFirst(skipped)
                    where !budget.take(event) {
                        next = "\(position ?? "0")/\(place)"
                        break search
                    }
                } else {
                    budget.look()
                }
                (position, skipped) = (call.id, 0)
                if budget.isSpent {
                    next = "\(call.id)/0"
                    break search
                }
            }
            if calls.count < Self.chunk { break }
        } while true
        return .fields([
            "events": .array(budget.sorted.map(\.filtered)), "searchedLogStreams": [],
            "nextToken": next.map { .string($0) },
        ])
    }

    func stream(of call: CallRecord, in group: LogGroup) async throws -> String {
        try await CloudWatchLogs.stream(
            call.function, version: call.version, group: group.name, atMs: call.queuedAtMs,
            functions)
    }

    /// The lines of a call that is in a stream.
    func events(
        of call: CallRecord, _ stream: String, _ budget: inout Budget
    ) async throws -> [Event] {
        let log = LambdaLogs(try await functions.cache.find(call.function, version: call.version))
        let printed = try await registry.calls.log(call.id)?.lines.map(\.line) ?? []
        let lines = log.lines(call, printed)
        budget.look(bytes: lines.reduce(0) { $0 + $1.text.utf8.count + 32 })
        return lines.enumerated().map { place, line in
            Event(stream: stream, line: line, call: call.id, place: place)
        }
    }

    static func times(_ input: JSONValue) -> (since: Int64, until: Int64) {
        let since = Int64(input["startTime"]?.int ?? 0)
        let until = Int64(input["endTime"]?.int ?? 253_402_300_799_999)
        return (since, max(since, until))
    }

    /// The call behind which a page begins, and how many events of the next one were on the page before.
    private static func position(_ token: String?) throws -> (id: String?, skipped: Int) {
        guard let token else { return (nil, 0) }
        let parts = token.split(separator: "/")
        guard parts.count == 2, let skipped = Int(parts[1]), skipped >= 0,
            parts[0] == "0" || CallIDGenerator.isWellFormed(String(parts[0]))
        else { throw CloudWatchLogs.invalid("The specified nextToken is invalid.") }
        return (parts[0] == "0" ? nil : String(parts[0]), skipped)
    }
}

extension LogEvents.Event {
    var plain: JSONValue {
        [
            "timestamp": .int(Int(line.timeMs)), "message": .string(line.text),
            "ingestionTime": .int(Int(line.timeMs)),
        ]
    }

    fileprivate var filtered: JSONValue {
        var fields = plain.object ?? [:]
        fields["logStreamName"] = .string(stream)
        let digits = String(place)
        fields["eventId"] = .string(
            call + String(repeating: "0", count: max(0, 6 - digits.count)) + digits)
        return .object(fields)
    }
}
