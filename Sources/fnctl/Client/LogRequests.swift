import NIOCore
import NIOHTTP1

/// Which log lines are asked for.
struct LogFilter: Sendable {
    var function: String?
    var call: String?
    /// This level or a graver one.
    var level: String?
    /// Text that the line contains, in any case.
    var text: String?
    var since: String?
    var until: String?

    /// What applies to lines that come, too.
    fileprivate var live: [(String, String?)] {
        [("function", function), ("call", call), ("level", level), ("text", text)]
    }

    /// Whether all lines of a call are asked for.
    var isWholeCall: Bool {
        call != nil && function == nil && level == nil && text == nil && since == nil
            && until == nil
    }
}

/// What a stream of log lines says.
enum LogEvent: Sendable {
    /// An attempt of a call is over.
    struct End: Decodable, Sendable {
        let call: String
        let function: String?
        let state: String
        let cause: String?
    }

    struct Lost: Decodable, Sendable {
        let events: Int
    }

    case line(Document<LogLine>)
    case end(End)
    /// So many events were not sent, because they were read too slowly.
    case lost(Int)
}

/// What is asked about log lines.
extension EvaluatorClient {
    /// All that a call wrote, in the order written.
    func logs(of id: String) async throws -> Document<CallLog> {
        try await get(["v1", "calls", id, "logs"])
    }

    /// The newest lines that the filter lets through, the newest first.
    func logs(_ filter: LogFilter, limit: Int) async throws -> Document<[LogLine]> {
        try await pages(
            ["v1", "logs"], filter.live + [("since", filter.since), ("until", filter.until)],
            list: "lines", limit: limit)
    }

    /// Lines as calls print them, until the evaluator ends the stream.
    /// - Parameters:
    ///   - opened: is called once the stream is open; whatever is printed from then on comes.
    ///   - retry: is called with the pause, in milliseconds, that the evaluator asks for before
    ///     the stream is opened again.
    ///   - each: is called with each event; false ends the stream.
    /// - Throws: `ConnectionLost`, `Failure`, `CancellationError` and what the closures throw.
    func followLogs(
        _ filter: LogFilter, opened: () async throws -> Void, retry: (Int) -> Void,
        each: (LogEvent) async throws -> Bool
    ) async throws {
        var parser = EventStreamParser()
        let other = try await transport.stream(
            endpoint.url(["v1", "logs"], query: filter.live),
            headers: [("Accept", "text/event-stream, application/problem+json")],
            isStream: { head in
                head.status == 200
                    && head.header("content-type")?.lowercased().hasPrefix("text/event-stream")
                        == true
            }, opened: opened,
            each: { piece in
                for event in try feed(piece.readableBytesView, to: &parser) {
                    guard let event = try self.event(event) else { continue }
                    guard try await each(event) else { return false }
                }
                if let retryMs = parser.retryMs { retry(retryMs) }
                return true
            })
        guard let other else { return }
        guard (200..<300).contains(other.status) else { throw failure(for: other) }
        throw notAnEvaluator(other, "it is not a stream of events")
    }

    private func feed(
        _ bytes: some Sequence<UInt8>, to parser: inout EventStreamParser
    ) throws -> [EventStreamParser.Event] {
        do {
            return try parser.feed(bytes)
        } catch {
            throw Self.final(notAnEvaluator(Self.streamed(""), "an event in it does not end"))
        }
    }

    /// The same failure, as one that another connection would not change.
    private static func final(_ failure: Failure) -> Failure {
        Failure(failure.message, status: .failed)
    }

    /// Nil for an event of a kind that this version does not know.
    private func event(_ event: EventStreamParser.Event) throws -> LogEvent? {
        let answer = Self.streamed(event.data)
        do {
            switch event.type {
            case "line": return .line(try decode(answer))
            case "end":
                let end: Document<LogEvent.End> = try decode(answer)
                return .end(end.model)
            case "lost":
                let lost: Document<LogEvent.Lost> = try decode(answer)
                return .lost(lost.model.events)
            default: return nil
            }
        } catch let failure as Failure {
            throw Self.final(failure)
        }
    }

    /// An event's data as an answer of its own.
    private static func streamed(_ data: String) -> HTTPAnswer {
        HTTPAnswer(
            status: 200, headers: ["content-type": "text/event-stream"], body: Array(data.utf8))
    }
}
