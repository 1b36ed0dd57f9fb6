import Foundation
import Testing

@testable import FunctionRegistry

/// Reads of logs that are larger than one answer.
struct LogReadingTests {
    let folder: TemporaryFolder
    let calls: CallRecorder
    private let ids = CallIDGenerator()

    init() throws {
        folder = try TemporaryFolder()
        calls = try FunctionRegistry(
            directory: folder.path, retention: CallRetention(logAgeMs: 1 << 42)
        ).calls
    }

    private func line(_ text: String) -> CallLogLine {
        CallLogLine(timeMs: 1_700_000_000_001, stream: .stdout, text: text)
    }

    @Test func `an answer has a bound in bytes, and the next goes on with the very next line`()
        async throws
    {
        var expected: [String] = []
        for call in 0..<4 {
            let lines = (0..<12).map { "\(call) \($0) " + String(repeating: "x", count: 200_000) }
            try calls.recordCompleted(ids.next(), log: lines.map(line))
            expected += lines
            // The newest stays in memory.
            if call < 3 { await calls.flush() }
        }
        var found: [String] = []
        var cursor: String?
        var pages = 0
        repeat {
            let page = try await calls.lines(LogFilter(), limit: 1000, cursor: cursor)
            let bytes = page.items.reduce(0) { $0 + $1.line.text.utf8.count }
            #expect(bytes <= LogReading.answeredBytes)
            found += page.items.map(\.line.text)
            cursor = page.nextCursor
            pages += 1
        } while cursor != nil && pages < 100
        #expect(found.count == expected.count)
        #expect(Set(found) == Set(expected))
    }

    @Test func `attempts of one call that fill a chunk alone are passed`() async throws {
        var record = queuedRecord(ids.next())
        record.async = AsyncState(maxAttempts: 10)
        _ = try await calls.accept(
            record, event: AcceptedEvent(Data("1".utf8), AsyncSettings()), key: nil)
        // A control character takes six bytes where it is stored.
        let text = String(repeating: "\u{1}", count: 250_000)
        for attempt in 1...10 {
            #expect(try await calls.claim([record.id]).count == 1)
            calls.recordAttempt(
                id: record.id, log: [line("\(attempt)" + text)],
                outcome: attempt < 10 ? .retry(atMs: 0) : .dead, webhookURL: nil
            ) { $0.state = .failed }
            await calls.flush()
        }
        var found = 0
        var cursor: String?
        var pages = 0
        repeat {
            let page = try await calls.lines(
                LogFilter(function: "hello"), limit: 1, cursor: cursor)
            found += page.items.count
            cursor = page.nextCursor
            pages += 1
        } while cursor != nil && pages < 100
        #expect(found == 10)
    }

    @Test func `a search ends at its bound with what it has, and goes on from there`() async throws
    {
        let text = String(repeating: "y", count: 250_000)
        for _ in 0..<200 { try calls.recordCompleted(ids.next(), log: [line(text)]) }
        await calls.flush()
        let first = try await calls.lines(LogFilter(text: "zzz"), limit: 10)
        #expect(first.items.isEmpty)
        let cursor = try #require(first.nextCursor)
        let second = try await calls.lines(LogFilter(text: "zzz"), limit: 10, cursor: cursor)
        #expect(second.items.isEmpty && second.nextCursor == nil)
    }

    @Test func `a history of several functions is one, in the order of their calls`() async throws {
        var all: [String] = []
        for place in 0..<9 {
            let id = ids.next()
            all.append(id)
            try calls.recordCompleted(id, function: ["hello", "other", "third"][place % 3])
        }
        func history(from low: String? = nil, newestFirst: Bool = false) async throws -> [String] {
            try await calls.history(
                of: ["other", "hello"], sinceMs: 0, untilMs: currentTimeMs() + 1000, from: low,
                newestFirst: newestFirst, limit: 3
            ).map(\.id)
        }
        #expect(try await history() == [all[0], all[1], all[3]])
        #expect(try await history(from: all[4]) == [all[4], all[6], all[7]])
        #expect(try await history(newestFirst: true) == [all[7], all[6], all[4]])
    }

    @Test func `a history is read in both directions between two calls`() async throws {
        var all: [String] = []
        for _ in 0..<9 {
            let id = ids.next()
            all.append(id)
            try calls.recordCompleted(id)
        }
        func history(
            from low: String? = nil, to high: String? = nil, newestFirst: Bool = false
        ) async throws -> [String] {
            try await calls.history(
                of: ["hello"], sinceMs: 0, untilMs: currentTimeMs() + 1000, from: low, to: high,
                newestFirst: newestFirst, limit: 4
            ).map(\.id)
        }
        #expect(try await history() == Array(all[0..<4]))
        #expect(try await history(from: all[3]) == Array(all[3..<7]))
        #expect(try await history(from: CallIDGenerator.behind(all[6])) == Array(all[7..<9]))
        #expect(try await history(newestFirst: true) == all[5..<9].reversed())
        #expect(try await history(to: all[3], newestFirst: true) == all[0..<3].reversed())
    }
}
