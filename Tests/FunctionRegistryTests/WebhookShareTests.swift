import Foundation
import Testing

@testable import FunctionRegistry

/// Whose webhooks are sent first.
struct WebhookShareTests {
    let folder: TemporaryFolder
    let registry: FunctionRegistry
    private let ids = CallIDGenerator()

    init() throws {
        folder = try TemporaryFolder()
        registry = try FunctionRegistry(directory: folder.path)
    }

    private func end(_ function: String, _ url: String, times: Int = 1) async throws {
        for _ in 0..<times {
            var record = queuedRecord(ids.next(), function: function)
            record.async = AsyncState(maxAttempts: 1)
            var settings = AsyncSettings()
            settings.onSuccess = url
            _ = try await registry.calls.accept(
                record, event: AcceptedEvent(Data("1".utf8), settings), key: nil)
            _ = try await registry.calls.claim([record.id])
            registry.calls.recordAttempt(
                id: record.id, log: [], outcome: .over(result: nil), webhookURL: url
            ) { $0.state = .completed }
        }
        await registry.calls.flush()
    }

    private func due() async throws -> [PendingWebhook] {
        try await registry.calls.pendingWebhooks(
            dueByMs: .max, shares: WebhookShares(url: 4, host: 8, function: 8), limit: 64)
    }

    @Test func `neither many URLs of one host nor many of one function hide the others`()
        async throws
    {
        for number in 0..<12 {
            try await end(
                "slow\(number)", "http://slow.example:\(8000 + number)/\(number)", times: 5)
        }
        try await end("many", "http://a.example/", times: 6)
        for number in 0..<12 { try await end("many", "http://a\(number).example/", times: 3) }
        try await end("one", "http://slow.example/one")
        try await end("fast", "http://fast.example/")
        try await end("told", "arn:aws:lambda:us-east-1:000000000000:function:d:1", times: 6)
        try await end("told2", "arn:aws:lambda:us-east-1:000000000000:function:d:live", times: 6)
        let due = try await due()
        func count(_ matches: (PendingWebhook) -> Bool) -> Int { due.count(where: matches) }
        // Twice the share: those of functions that have none under way may exceed it.
        #expect(count { $0.host == "slow.example" } == 16)
        #expect(count { $0.function == "many" } == 8)
        #expect(count { $0.function == "fast" } == 1)
        // A function is a host under all its names.
        #expect(count { $0.host.hasSuffix(":function:d") } == 8)
        #expect(count { $0.function == "one" } == 1)
    }

    @Test func `a function's first comes before another's second to the same host`() async throws {
        try await end("flood", "http://one.example/", times: 30)
        try await end("late", "http://one.example/")
        let due = try await due()
        #expect(due.prefix(2).map(\.function) == ["flood", "late"])
    }
}
