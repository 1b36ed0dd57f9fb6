import FunctionRegistry
import Synchronization

/// The webhooks that are being sent: a few to each URL, to each host and of each function, so that a receiver
/// that does not answer, or a function that has many, holds up its own and no other's. A function that has none
/// under way may exceed what there is for a host and in all, up to twice, as others may wait for the same
/// host in vain. Functions that are told of ends count as hosts.
final class UnderWay: Sendable {
    static let shares = WebhookShares(url: 4, host: 16, function: 8)
    static let inAll = 64

    private let webhooks = Mutex<[String: PendingWebhook]>([:])

    /// - Returns: false when this one has to wait.
    func begin(_ webhook: PendingWebhook) -> Bool {
        webhooks.withLock { webhooks in
            let others = webhooks.values
            let own = others.count { $0.function == webhook.function }
            let times = own == 0 ? 2 : 1
            guard webhooks[webhook.id] == nil, own < Self.shares.function,
                webhooks.count < times * Self.inAll,
                others.count(where: { $0.url == webhook.url }) < Self.shares.url,
                others.count(where: { $0.host == webhook.host }) < times * Self.shares.host
            else { return false }
            webhooks[webhook.id] = webhook
            return true
        }
    }

    func end(_ webhook: PendingWebhook) {
        webhooks.withLock { _ = $0.removeValue(forKey: webhook.id) }
    }
}
