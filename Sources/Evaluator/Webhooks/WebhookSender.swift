import AsyncHTTPClient
import Foundation
import FunctionRegistry
import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle

/// Tells the hosts that functions name of the ends of their asynchronous calls, as the Standard Webhooks
/// specification has it, and again until it is delivered.
struct WebhookSender: Service {
    let registry: FunctionRegistry
    let cache: FunctionCache
    let hosts: WebhookHosts
    /// Calls functions that are told of ends.
    let destinations: LambdaDestinations
    let logger: Logger

    /// Tries in all.
    static let attempts = 8
    private static let timeout = TimeAmount.seconds(15)
    /// Results that are larger have to be fetched.
    private static let maximumResultBytes = 256 << 10
    private static let pollPause = Duration.milliseconds(250)
    /// Webhooks that places are given to at a time.
    private static let candidates = 1024

    /// The pause before the next try in milliseconds: 5 s, then four times as long each, up to 6 hours.
    static func pauseMs(after attempt: Int) -> Int64 {
        min(5000 << Int64(2 * (attempt - 1)), 21_600_000)
    }

    func run() async throws {
        // What is told can be large.
        try await withTaskExecutorPreference(QuietThreads.telling) { try await send() }
    }

    private func send() async throws {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        configuration.timeout = .init(connect: Self.timeout, read: Self.timeout)
        // Or those with a place would wait in the client for one another.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit =
            2 * UnderWay.shares.host
        configuration.http1_1ConnectionDebugInitializer = StatusCheck.add
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        let underWay = UnderWay()
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled, !Task.isShuttingDownGracefully {
                let begun = ContinuousClock.now
                do {
                    for webhook in try await due() where underWay.begin(webhook) {
                        group.addTask {
                            await send(webhook, client)
                            underWay.end(webhook)
                        }
                    }
                } catch {
                    logger.error("cannot read the webhooks", metadata: ["reason": "\(error)"])
                }
                // Where very many wait, looking at them takes long, and is not all that is done.
                let pause = max(Self.pollPause, (ContinuousClock.now - begun) * 3)
                await cancelWhenGracefulShutdown { try? await Task.sleep(for: pause) }
            }
            // Nobody waits for a receiver that does not answer; the try has been counted.
            group.cancelAll()
        }
        try await client.shutdown()
    }

    private func due() async throws -> [PendingWebhook] {
        try await registry.calls.pendingWebhooks(
            dueByMs: currentTimeMs(), shares: UnderWay.shares, limit: Self.candidates)
    }

    /// One try: counted on the disk before it is made, so that not even one that ends the evaluator is
    /// made for ever.
    private func send(_ webhook: PendingWebhook, _ client: HTTPClient) async {
        let attempt = webhook.attempts + 1
        let isLast = attempt >= Self.attempts
        do {
            try await registry.calls.beginWebhook(
                webhook.id, nextAtMs: isLast ? nil : currentTimeMs() + Self.pauseMs(after: attempt))
            let (fault, isOver) = await outcome(webhook, client)
            try await registry.calls.endWebhook(
                webhook.id, error: fault, isLast: isOver || isLast)
        } catch {
            logger.error(
                "cannot note a webhook",
                metadata: ["call": "\(webhook.id)", "reason": "\(error)"])
        }
    }

    /// - Returns: why it was not delivered, and whether trying again is of no use.
    private func outcome(
        _ webhook: PendingWebhook, _ client: HTTPClient
    ) async -> (fault: String?, isOver: Bool) {
        do {
            if AsyncSettings.isDestination(webhook.url) {
                return try await destinations.deliver(webhook)
            }
            let request = try await request(webhook)
            let response = try await client.execute(request, timeout: Self.timeout)
            let code = response.status.code
            return ((200..<300).contains(code) ? nil : "the answer was \(code)", code == 410)
        } catch let fatal as Undeliverable {
            return (fatal.message, true)
        } catch let error as HTTPClientError
            where error == .readTimeout || error == .deadlineExceeded
        {
            return (
                "there was no answer within \(Self.timeout.nanoseconds / 1_000_000_000) s", false
            )
        } catch {
            return ("there was no answer: \(error)".prefix(200).description, false)
        }
    }

    private struct Undeliverable: Error { var message: String }

    private func request(_ webhook: PendingWebhook) async throws -> HTTPClientRequest {
        guard let call = try await registry.calls.call(webhook.id),
            let function = try await cache.find(call.function, version: call.version),
            let secret = function.secrets.webhook
        else { throw Undeliverable(message: "the function was deleted") }
        do {
            // What may be sent to can have changed since the function was registered.
            try hosts.check(webhook.url)
        } catch {
            throw Undeliverable(
                message: "the evaluator's webhookHosts does not name the host any more")
        }
        let seconds = currentTimeMs() / 1000
        let body = try await body(call)
        var request = HTTPClientRequest(url: webhook.url)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        request.headers.add(name: "user-agent", value: "Cloister/\(evaluatorVersion)")
        request.headers.add(name: "webhook-id", value: webhook.id)
        request.headers.add(name: "webhook-timestamp", value: "\(seconds)")
        request.headers.add(
            name: "webhook-signature",
            value: try WebhookKey(secret).signature(id: webhook.id, seconds: seconds, body: body))
        request.body = .bytes(ByteBuffer(bytes: body))
        return request
    }

    private func body(_ call: CallRecord) async throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let record = try encoder.encode(CallView(call, withStack: true))
        var text = "{\"type\":\"call.\(call.state.rawValue)\",\"timestamp\":"
        text += "\"\(Timestamp.text(call.endedAtMs ?? currentTimeMs()))\",\"data\":{\"call\":"
        text += String(decoding: record, as: UTF8.self)
        if call.state == .completed, call.bytesOut ?? 0 <= Self.maximumResultBytes,
            let result = try await registry.calls.result(call.id)
        {
            text += ",\"result\":" + String(decoding: result, as: UTF8.self)
        }
        return Data((text + "}}").utf8)
    }
}
