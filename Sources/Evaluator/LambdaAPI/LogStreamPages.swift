import Foundation
import FunctionRegistry

/// The lines of one stream, read from a position on, in either direction.
struct LogStreamPages: Sendable {
    /// Between two lines: before the one at a place of a call, and behind all calls before it.
    private struct Position: Equatable {
        var call: String
        var place: Int

        /// - Throws: `InvalidParameterException`.
        init(_ token: Substring) throws {
            let parts = token.split(separator: "/")
            guard parts.count == 2, CallIDGenerator.isWellFormed(String(parts[0])),
                let place = Int(parts[1]), place >= 0
            else { throw CloudWatchLogs.invalid("The specified nextToken is invalid.") }
            (call, self.place) = (String(parts[0]), place)
        }

        init(_ call: String, _ place: Int) { (self.call, self.place) = (call, place) }

        var text: String { "\(call)/\(place)" }
    }

    private struct Span {
        var group: LogGroup
        var stream: String
        var since: Int64
        var until: Int64
        /// Between the acceptance of the first and of the last call that can be in it.
        var first: Int64
        var last: Int64
    }

    private let log: LogEvents

    init(_ log: LogEvents) { self.log = log }

    func get(_ input: JSONValue) async throws -> JSONValue {
        let group = try await LogGroup(input, log.functions, in: log.region)
        let stream = input["logStreamName"]?.string ?? ""
        let (since, until) = LogEvents.times(input)
        guard let day = Self.day(of: stream) else { throw Self.noStream }
        let span = Span(
            group: group, stream: stream, since: since, until: until,
            first: max(day, since - LogEvents.longestMs), last: min(day + 86_399_999, until))
        let token = input["nextToken"]?.string
        var budget = LogEvents.Budget(limit: input["limit"]?.int ?? 10_000)
        let page: (from: Position, to: Position)
        switch token?.prefix(2) {
        case nil where input["startFromHead"]?.bool == true:
            page = try await forward(from: nil, span, &budget)
        case nil: page = try await backward(from: nil, span, &budget)
        case "f/":
            page = try await forward(from: Position(token?.dropFirst(2) ?? ""), span, &budget)
        case "b/":
            page = try await backward(from: Position(token?.dropFirst(2) ?? ""), span, &budget)
        default: throw CloudWatchLogs.invalid("The specified nextToken is invalid.")
        }
        if budget.events.isEmpty, token == nil, try await !exists(stream, group) {
            throw Self.noStream
        }
        return [
            "events": .array(budget.sorted.map(\.plain)),
            // A token that comes back unchanged says that there is no more that way.
            "nextForwardToken": .string("f/\(page.to.text)"),
            "nextBackwardToken": .string("b/\(page.from.text)"),
        ]
    }

    private func forward(
        from start: Position?, _ span: Span, _ budget: inout LogEvents.Budget
    ) async throws -> (from: Position, to: Position) {
        let from = start ?? Position(CallIDGenerator.first(atMs: span.first), 0)
        var to = from
        var low = from.call
        while true {
            let calls = try await log.registry.calls.history(
                of: span.group.functions, sinceMs: span.first, untilMs: span.last, from: low,
                limit: LogEvents.chunk)
            for call in calls {
                let events = try await events(of: call, span, &budget)
                let seen = call.id == from.call ? from.place : 0
                for event in events.dropFirst(seen) where Self.has(span, event) {
                    guard budget.take(event) else {
                        return (from, Position(call.id, event.place))
                    }
                }
                to = Position(call.id, max(events.count, seen))
                if budget.isSpent { return (from, to) }
            }
            guard calls.count == LogEvents.chunk, let last = calls.last else { return (from, to) }
            low = CallIDGenerator.behind(last.id)
        }
    }

    private func backward(
        from start: Position?, _ span: Span, _ budget: inout LogEvents.Budget
    ) async throws -> (from: Position, to: Position) {
        var from = start
        var to = start
        var high = start.map { CallIDGenerator.behind($0.call) }
        while true {
            let calls = try await log.registry.calls.history(
                of: span.group.functions, sinceMs: span.first, untilMs: span.last, to: high,
                newestFirst: true, limit: LogEvents.chunk)
            for call in calls {
                let events = try await events(of: call, span, &budget)
                // What comes next will be behind the newest call that there is now.
                to = to ?? Position(call.id, events.count)
                let seen = call.id == start?.call ? start?.place ?? 0 : .max
                for event in events.prefix(seen).reversed() where Self.has(span, event) {
                    guard budget.take(event) else {
                        return (Position(call.id, event.place + 1), to ?? Position(call.id, 0))
                    }
                }
                from = Position(call.id, 0)
                if budget.isSpent { return (Position(call.id, 0), to ?? Position(call.id, 0)) }
            }
            guard calls.count == LogEvents.chunk, let last = calls.last else { break }
            high = last.id
        }
        let head = Position(CallIDGenerator.first(atMs: span.first), 0)
        return (from ?? head, to ?? head)
    }

    /// The lines of a call, none of one that is in another stream.
    private func events(
        of call: CallRecord, _ span: Span, _ budget: inout LogEvents.Budget
    ) async throws -> [LogEvents.Event] {
        guard try await log.stream(of: call, in: span.group) == span.stream else {
            budget.look()
            return []
        }
        return try await log.events(of: call, span.stream, &budget)
    }

    private static func has(_ span: Span, _ event: LogEvents.Event) -> Bool {
        (span.since...span.until).contains(event.line.timeMs)
    }

    private static let noStream = LambdaError(
        "ResourceNotFoundException", 400, "The specified log stream does not exist.")

    private func exists(_ stream: String, _ group: LogGroup) async throws -> Bool {
        for function in group.functions {
            for day in try await log.registry.calls.days(of: function) {
                let name = try await CloudWatchLogs.stream(
                    function, version: day.version, group: group.name, atMs: day.firstMs,
                    log.functions)
                if name == stream { return true }
            }
        }
        return false
    }

    /// The start of a stream's day in milliseconds since 1970: streams begin with `2026/01/31/`.
    private static func day(of stream: String) -> Int64? {
        let date = stream.prefix(10).replacingOccurrences(of: "/", with: "-")
        guard let start = try? Date.ISO8601FormatStyle().parse("\(date)T00:00:00Z") else {
            return nil
        }
        return Int64(start.timeIntervalSince1970 * 1000)
    }
}
