import FunctionRegistry
import Synchronization

/// The webhooks that are being sent: a few to each URL, to each host and of each function, so that a receiver
/// that does not answer, or a function that has many, holds up its own and no other's. Functions that are told
/// of ends count as hosts.
final class UnderWay: Sendable {
    static let shares = WebhookShares(url: 4, host: 8, function: 8)
    static let inAll = 64

    private let webhooks = Mutex<[String: PendingWebhook]>([:])

    /// - Returns: false when this one has to wait.
    func begin(_ webhook: PendingWebhook) -> Bool {
        webhooks.withLock { webhooks in
            let others = webhooks.values
            guard webhooks[webhook.id] == nil, webhooks.count < Self.inAll,
                others.count(where: { $0.url == webhook.url }) < Self.shares.url,
                others.count(where: { $0.host == webhook.host }) < Self.shares.host,
                others.count(where: { $0.function == webhook.function }) < Self.shares.function
            else { return false }
            webhooks[webhook.id] = webhook
            return true
        }
    }

    func end(_ webhook: PendingWebhook) {
        webhooks.withLock { _ = $0.removeValue(forKey: webhook.id) }
    }
}
