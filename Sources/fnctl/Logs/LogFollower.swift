import Foundation
import Synchronization

/// Shows log lines as calls print them.
///
/// When the connection breaks it is made again, and what was printed meanwhile is looked up.
struct LogFollower: Sendable {
    let client: EvaluatorClient
    let filter: LogFilter
    /// How many lines from before are shown first; nil for all of them.
    let before: Int?
    let screen: LogScreen
    let console: Console

    /// How many lines are looked up after a break.
    private static let caughtUp = 1000
    private static let maxPauseMs = 15_000
    /// A connection that held so long has put an end to the trouble before.
    private static let steady = Duration.seconds(10)

    /// Returns when the call that the filter names is over, or when nobody reads any more.
    func run() async throws {
        guard let id = filter.call else { return try await stream() }
        if try await client.call(id).model.isOver {
            await screen.show(stored: try await stored(limit: before))
            return
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await stream() }
            group.addTask { try await waitForEnd(of: id) }
            try await group.next()
            group.cancelAll()
        }
        // Whatever did not come live.
        if !console.isClosed { await screen.show(stored: try await stored(limit: nil)) }
    }

    /// The stored lines, the oldest first.
    func stored(limit: Int?) async throws -> Document<[LogLine]> {
        if filter.isWholeCall, limit == nil, let id = filter.call {
            let log = try await client.logs(of: id)
            return Document(json: log.json, model: log.model.lines)
        }
        return try await client.logs(filter, limit: limit ?? .max).oldestFirst
    }

    // MARK: the call

    private func waitForEnd(of id: String) async throws {
        while true {
            do {
                let call = try await client.call(id, waitMs: 60_000).model
                if call.isOver { return await waitForEvent(of: call) }
            } catch let failure as Failure where failure.isPassing {
                // The stream breaks as well, and says so.
                try await Task.sleep(for: .seconds(1))
            }
        }
    }

    /// Gives the call's last lines a moment to come live and in order.
    private func waitForEvent(of call: CallRecord) async {
        for _ in 0..<50 {
            if await screen.end?.state == call.state { return }
            guard (try? await Task.sleep(for: .milliseconds(20))) != nil else { return }
        }
    }

    // MARK: the stream

    private func stream() async throws {
        let clock = ContinuousClock()
        let pauseMs = Mutex(500)
        var breaks = 0
        var wasOpen = false
        var since = Format.rfc3339(Date())
        while true {
            let began = clock.now
            let reason: String
            do {
                try await client.followLogs(
                    filter,
                    opened: {
                        if wasOpen { console.note("fnctl: connected again") }
                        if wasOpen {
                            await screen.show(stored: try await missed(since: since))
                        } else {
                            try await showEarlier()
                        }
                        wasOpen = true
                    }, retry: { asked in pauseMs.withLock { $0 = max(100, asked) } },
                    each: { event in
                        await screen.show(event)
                        return !console.isClosed
                    })
                reason = "the evaluator ended it"
            } catch let lost as ConnectionLost {
                guard wasOpen else { throw client.transport.unreachable(because: lost.reason) }
                reason = lost.reason
            } catch let failure as Failure where wasOpen && failure.isPassing {
                reason = failure.description
            }
            if console.isClosed { return }
            since = await screen.latest ?? since
            if clock.now - began > Self.steady { breaks = 0 }
            let pause = min(Self.maxPauseMs, pauseMs.withLock { $0 } << min(breaks, 10))
            breaks += 1
            console.note(
                "fnctl: the connection broke: \(Printable.line(reason)); connecting again in "
                    + Format.duration(ms: pause))
            try await Task.sleep(for: .milliseconds(pause))
        }
    }

    /// Shows the lines from before. All of a call's are looked up, so that those that are not
    /// wanted are not taken for missed ones at the end.
    private func showEarlier() async throws {
        if before == 0 { return }
        let lines = try await stored(limit: filter.call == nil ? before : nil)
        await screen.show(stored: lines, last: before ?? .max)
    }

    /// What may have been printed while there was no connection.
    private func missed(since: String) async throws -> Document<[LogLine]> {
        if filter.isWholeCall { return try await stored(limit: nil) }
        var filter = filter
        // Calls print at the same time, so their lines may not be in order.
        filter.since = Format.date(since).map { Format.rfc3339($0.addingTimeInterval(-2)) }
        let lines = try await client.logs(filter, limit: Self.caughtUp)
        if lines.model.count == Self.caughtUp {
            console.note("fnctl: only the newest \(Self.caughtUp) lines since then are shown")
        }
        return lines.oldestFirst
    }
}

extension Failure {
    /// Whether the same request may succeed later.
    fileprivate var isPassing: Bool { status == .unreachable || retryAfterSeconds != nil }
}

extension Document where Model == [LogLine] {
    /// The same lines, with those at the end that were first.
    var oldestFirst: Self {
        let lines = JSONValue.array((json["lines"]?.arrayValue ?? []).reversed())
        return Document(
            json: .object([JSONValue.Member(key: "lines", value: lines)]), model: model.reversed())
    }
}
