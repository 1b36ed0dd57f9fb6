import Foundation
import Testing

@testable import FunctionRegistry

/// What a function leaves behind when it is deleted: nothing that the next one of its name would have.
struct InheritanceTests {
    let folder: TemporaryFolder
    let registry: FunctionRegistry
    let ids = CallIDGenerator()

    init() throws {
        folder = try TemporaryFolder()
        registry = try FunctionRegistry(directory: folder.path)
    }

    private func put(_ name: String, _ source: String) async throws -> FunctionVersion {
        try await registry.put(name, spec: .python, code: .source(source)).version
    }

    private func record(_ function: FunctionVersion) -> CallRecord {
        CallRecord(id: ids.next(), function: function, bytesIn: 1, queuedAtMs: currentTimeMs())
    }

    private static let key = IdempotencyKey(key: "order-1", version: nil, event: [0x31])

    private func fail(_ record: CallRecord) throws {
        try registry.calls.recordQueued(record)
        registry.calls.recordEnded(id: record.id, log: []) {
            $0.state = .failed
            $0.cause = "handler_error"
        }
    }

    @Test func `keys and failures of a function do not become those of the next of its name`()
        async throws
    {
        let old = try await put("ten", handlerSource)
        let other = try await put("eleven", handlerSource)
        let first = record(old)
        #expect(
            try await registry.calls.accept(first, event: nil, key: Self.key) == first.id)
        let kept = record(other)
        _ = try await registry.calls.accept(kept, event: nil, key: Self.key)
        try fail(record(old))
        await registry.calls.flush()
        #expect(try await registry.calls.failing(among: ["ten"])["ten"]?.calls == 1)

        #expect(try await registry.delete("ten"))
        #expect(try await registry.calls.failing(among: ["ten"]).isEmpty)
        let new = try await put("ten", handlerSource + "\n")
        let second = record(new)
        #expect(
            try await registry.calls.accept(second, event: nil, key: Self.key) == second.id)
        // Nobody else's are gone.
        #expect(try await registry.calls.holder(of: Self.key, for: record(other)) == kept.id)
    }

    @Test func `a call of a deleted function that comes late leaves nothing for the next either`()
        async throws
    {
        let old = try await put("late", handlerSource)
        let running = record(old)
        try registry.calls.recordQueued(running)
        _ = try await registry.delete("late")
        for _ in 0..<2 {
            // Deleted, and then there again: whoever still has the old version is too late.
            let error = await registryError {
                _ = try await registry.calls.accept(record(old), event: nil, key: Self.key)
            }
            #expect(error == .bundleGone(sha256: ""))
            _ = try await put("late", handlerSource + "\n")
        }
        registry.calls.recordEnded(id: running.id, log: []) {
            $0.state = .failed
            $0.cause = "handler_error"
        }
        await registry.calls.flush()
        #expect(try await registry.calls.failing(among: ["late"]).isEmpty)
        let new = try #require(try await registry.function("late"))
        let call = record(new)
        #expect(try await registry.calls.accept(call, event: nil, key: Self.key) == call.id)
    }

    @Test func `what was decided for a call when it was accepted holds after a kill`()
        async throws
    {
        // Settings that no stored version has, as another API's are.
        var settings = AsyncSettings()
        settings.attempts = 1
        settings.onFailure = "arn:aws:lambda:us-east-1:000000000000:function:dest:live"
        let function = try await put("src", handlerSource)
        var call = record(function)
        call.async = AsyncState(maxAttempts: 1)
        _ = try await registry.calls.accept(
            call, event: AcceptedEvent(Data("1".utf8), settings), key: nil)
        let claimed = try await registry.calls.claim([call.id])
        #expect(claimed.map(\.settings) == [settings])
        // As an evaluator does that finds it begun and not ended.
        try registry.calls.store.recover(nowMs: currentTimeMs())
        let lost = try await registry.calls.store.call(call.id)
        #expect(lost?.cause == "evaluator_lost" && lost?.isDead == true)
        let due = try await registry.calls.pendingWebhooks(
            dueByMs: .max, shares: WebhookShares(url: 9, host: 9, function: 9), limit: 9)
        #expect(due.map(\.url) == [settings.onFailure])
        #expect(due.map(\.host) == ["arn:aws:lambda:us-east-1:000000000000:function:dest"])
        #expect(due.map(\.function) == ["src"])
        #expect(try await registry.calls.webhookEvent(call.id) == Data("1".utf8))
    }

    @Test func `a call that grew too old is told of as it was decided when it was accepted`()
        async throws
    {
        var settings = AsyncSettings()
        settings.maxAgeMs = 60_000
        settings.onFailure = "http://127.0.0.1:1/"
        var call = record(try await put("old", handlerSource))
        call.async = AsyncState(maxAttempts: 1)
        _ = try await registry.calls.accept(
            call, event: AcceptedEvent(Data("1".utf8), settings), key: nil)
        #expect(
            try await registry.calls.waitingCalls().map(\.expiresAtMs)
                == [call.queuedAtMs + 60_000])
        let ended = try await registry.calls.endWaiting(call.id, isDead: true) { record, settings in
            record.state = .failed
            record.cause = "expired"
            record.message = "\(settings.maxAgeMs)"
        }
        #expect(ended)
        #expect(try await registry.calls.call(call.id)?.message == "60000")
        #expect(try await registry.calls.webhook(of: call.id)?.state == "pending")
    }
}
