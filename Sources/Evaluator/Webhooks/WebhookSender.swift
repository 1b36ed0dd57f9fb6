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
    let logger: Logger

    /// Tries in all.
    static let attempts = 8
    private static let timeout = TimeAmount.seconds(15)
    /// Results that are larger have to be fetched.
    private static let maximumResultBytes = 256 << 10
    private static let pollPause = Duration.milliseconds(250)
    private static let atOnce = 16

    /// The pause before the next try in milliseconds: 5 s, then four times as long each, up to 6 hours.
    static func pauseMs(after attempt: Int) -> Int64 {
        min(5000 << Int64(2 * (attempt - 1)), 21_600_000)
    }

    func run() async throws {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(connect: Self.timeout, read: Self.timeout)
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await sendDue(client)
                    try await Task.sleep(for: Self.pollPause)
                } catch is CancellationError {
                    break
                } catch {
                    logger.error("cannot send webhooks", metadata: ["reason": "\(error)"])
                    try? await Task.sleep(for: .seconds(5))
                }
            }
        }
        try await client.shutdown()
    }

    private func sendDue(_ client: HTTPClient) async throws {
        let now = currentTimeMs()
        let due = try await registry.calls.pendingWebhooks(limit: Self.atOnce)
            .filter { $0.dueAtMs <= now }
        try await withThrowingTaskGroup { group in
            for webhook in due { group.addTask { try await send(webhook, client) } }
            try await group.waitForAll()
        }
    }

    private func send(_ webhook: PendingWebhook, _ client: HTTPClient) async throws {
        let attempt = webhook.attempts + 1
        var fault: String?
        var isOver = attempt >= Self.attempts
        do {
            let request = try await request(webhook)
            let response = try await client.execute(request, timeout: Self.timeout)
            switch response.status.code {
            case 200..<300: break
            case 410:
                isOver = true
                fallthrough
            default: fault = "the answer was \(response.status.code)"
            }
        } catch let fatal as Undeliverable {
            fault = fatal.message
            isOver = true
        } catch {
            // A send that was cut short by the evaluator's own end is not a try.
            try Task.checkCancellation()
            fault = "\(error)".prefix(200).description
        }
        let next = isOver || fault == nil ? nil : currentTimeMs() + Self.pauseMs(after: attempt)
        try await registry.calls.noteWebhook(webhook.id, error: fault, nextAtMs: next)
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
