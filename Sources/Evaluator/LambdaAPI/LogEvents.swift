import Foundation
import FunctionRegistry

/// The lines of a function's calls, in the order of time and page by page.
struct LogEvents: Sendable {
    fileprivate struct Event {
        var stream: String
        var line: LambdaLogs.Line
        /// The call's, and the line's place among those of the call.
        var id: String
    }

    private let registry: FunctionRegistry
    private let functions: LambdaFunctions

    /// A call's lines can be this much later than its acceptance: it may have waited for hours.
    private static let longestMs: Int64 = 8 * 3_600_000
    /// Calls that one answer looks at.
    private static let maximumCalls = 1000
    /// How often so many are looked at for the lines of a stream: what is later in it is found with a start
    /// time.
    private static let maximumRounds = 20

    init(_ registry: FunctionRegistry, _ functions: LambdaFunctions) {
        self.registry = registry
        self.functions = functions
    }

    func filter(_ input: JSONValue) async throws -> JSONValue {
        let function = try await CloudWatchLogs.function(input, functions)
        let pattern = try LogPattern(input["filterPattern"]?.string ?? "")
        let names = input["logStreamNames"]?.strings.map(Set.init)
        let prefix = input["logStreamNamePrefix"]?.string ?? ""
        guard names == nil || prefix.isEmpty else {
            throw CloudWatchLogs.invalid(
                "logStreamNames and logStreamNamePrefix cannot both be given.")
        }
        let limit = input["limit"]?.int ?? 10_000
        let (since, until) = Self.times(input)
        let (position, skipped) = try Self.position(input["nextToken"]?.string)
        let calls = try await registry.calls.history(
            of: function, sinceMs: since - Self.longestMs, untilMs: until, from: position,
            limit: Self.maximumCalls)
        var events: [Event] = []
        var next: String?
        var last = position
        search: for (index, call) in calls.enumerated() {
            let found = try await self.events(of: call, since, until).filter { event in
                names.map { $0.contains(event.stream) } ?? true
                    && event.stream.hasPrefix(prefix) && pattern.matches(event.line.text)
            }
            for (place, event) in found.enumerated() {
                if index == 0, place < skipped { continue }
                guard events.count < limit else {
                    next = "\(last ?? "0")/\(place)"
                    break search
                }
                events.append(event)
            }
            last = call.id
        }
        if next == nil, calls.count == Self.maximumCalls, let last { next = "\(last)/0" }
        return .fields([
            "events": .array(
                events.sorted { ($0.line.timeMs, $0.id) < ($1.line.timeMs, $1.id) }.map(\.filtered)),
            "searchedLogStreams": [],
            "nextToken": next.map { .string($0) },
        ])
    }

    func get(_ input: JSONValue) async throws -> JSONValue {
        let function = try await CloudWatchLogs.function(input, functions)
        let stream = input["logStreamName"]?.string ?? ""
        let limit = input["limit"]?.int ?? 10_000
        let (since, until) = Self.times(input)
        guard let day = Self.day(of: stream) else { throw Self.noStream }
        var all: [Event] = []
        var position: String?
        for _ in 0..<Self.maximumRounds {
            let calls = try await registry.calls.history(
                of: function, sinceMs: max(day, since - Self.longestMs),
                untilMs: min(day + 86_399_999, until), from: position, limit: Self.maximumCalls)
            for call in calls {
                all += try await events(of: call, since, until).filter { $0.stream == stream }
            }
            position = calls.last?.id
            if calls.count < Self.maximumCalls { break }
        }
        if all.isEmpty, try await !exists(stream, function) { throw Self.noStream }
        all.sort { ($0.line.timeMs, $0.id) < ($1.line.timeMs, $1.id) }
        let (from, to) = try Self.range(input, count: all.count, limit: limit)
        return [
            "events": .array(all[from..<to].map(\.plain)),
            // A token that comes back unchanged says that there is no more that way.
            "nextForwardToken": .string("f/\(to)"),
            "nextBackwardToken": .string("b/\(from)"),
        ]
    }

    private static let noStream = LambdaError(
        "ResourceNotFoundException", 400, "The specified log stream does not exist.")

    private func exists(_ stream: String, _ function: String) async throws -> Bool {
        for day in try await registry.calls.days(of: function) {
            let name = try await CloudWatchLogs.stream(
                function, version: day.version, atMs: day.firstMs, functions)
            if name == stream { return true }
        }
        return false
    }

    /// Which of the events an answer has.
    private static func range(
        _ input: JSONValue, count: Int, limit: Int
    ) throws -> (from: Int, to: Int) {
        guard let token = input["nextToken"]?.string else {
            return input["startFromHead"]?.bool == true
                ? (0, min(limit, count)) : (max(0, count - limit), count)
        }
        guard let number = Int(token.dropFirst(2)), number >= 0 else {
            throw CloudWatchLogs.invalid("The specified nextToken is invalid.")
        }
        let place = min(number, count)
        switch token.prefix(2) {
        case "f/": return (place, min(place + limit, count))
        case "b/": return (max(0, place - limit), place)
        default: throw CloudWatchLogs.invalid("The specified nextToken is invalid.")
        }
    }

    private func events(
        of call: CallRecord, _ since: Int64, _ until: Int64
    ) async throws -> [Event] {
        let stream = try await CloudWatchLogs.stream(
            call.function, version: call.version, atMs: call.queuedAtMs, functions)
        let version = stream.drop { $0 != "[" }.dropFirst().prefix { $0 != "]" }
        let printed = try await registry.calls.log(call.id)?.lines.map(\.line) ?? []
        return LambdaLogs.lines(call, printed, version: String(version)).enumerated()
            .filter { (since...until).contains($0.element.timeMs) }
            .map { place, line in
                let digits = String(place)
                let padded = String(repeating: "0", count: max(0, 6 - digits.count)) + digits
                return Event(stream: stream, line: line, id: call.id + padded)
            }
    }

    private static func times(_ input: JSONValue) -> (since: Int64, until: Int64) {
        let since = Int64(input["startTime"]?.int ?? 0)
        let until = Int64(input["endTime"]?.int ?? 253_402_300_799_999)
        return (since, max(since, until))
    }

    /// The start of a stream's day in milliseconds since 1970: streams begin with `2026/01/31/`.
    private static func day(of stream: String) -> Int64? {
        let date = stream.prefix(10).replacingOccurrences(of: "/", with: "-")
        guard let start = try? Date.ISO8601FormatStyle().parse("\(date)T00:00:00Z") else {
            return nil
        }
        return Int64(start.timeIntervalSince1970 * 1000)
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
    fileprivate var plain: JSONValue {
        [
            "timestamp": .int(Int(line.timeMs)), "message": .string(line.text),
            "ingestionTime": .int(Int(line.timeMs)),
        ]
    }

    fileprivate var filtered: JSONValue {
        var fields = plain.object ?? [:]
        fields["logStreamName"] = .string(stream)
        fields["eventId"] = .string(id)
        return .object(fields)
    }
}

/// What lines are searched for: words and quoted phrases that all have to be there, `-word` that may not be,
/// and `?word` of which one has to be. Case counts.
struct LogPattern: Sendable {
    private var wanted: [String] = []
    private var unwanted: [String] = []
    private var optional: [String] = []

    /// - Throws: `InvalidParameterException` for patterns of fields, which are not done here.
    init(_ text: String) throws {
        let trimmed = text.trimmingCharacters(in: .whitespaces)
        guard !trimmed.hasPrefix("{"), !trimmed.hasPrefix("["), !trimmed.hasPrefix("%") else {
            throw CloudWatchLogs.invalid(
                "Only words and quoted phrases can be searched for here, no fields and expressions")
        }
        var rest = trimmed[...]
        while let first = rest.first {
            if first == " " {
                rest = rest.dropFirst()
                continue
            }
            let sign = first == "-" || first == "?" ? first : nil
            if sign != nil { rest = rest.dropFirst() }
            let term: Substring
            if rest.first == "\"" {
                rest = rest.dropFirst()
                term = rest.prefix { $0 != "\"" }
                rest = rest.dropFirst(term.count + 1)
            } else {
                term = rest.prefix { $0 != " " }
                rest = rest.dropFirst(term.count)
            }
            switch sign {
            case "-": unwanted.append(String(term))
            case "?": optional.append(String(term))
            default: wanted.append(String(term))
            }
        }
    }

    func matches(_ line: String) -> Bool {
        wanted.allSatisfy { line.contains($0) } && !unwanted.contains { line.contains($0) }
            && (optional.isEmpty || optional.contains { line.contains($0) })
    }
}
