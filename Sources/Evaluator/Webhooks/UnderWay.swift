import FunctionRegistry
import Synchronization

/// The webhooks that are being sent: a few to each URL, so that a receiver that does not answer holds up
/// its own and no other's.
final class UnderWay: Sendable {
    static let perURL = 4
    static let inAll = 64

    private let urls = Mutex<[String: String]>([:])

    /// - Returns: false when this one has to wait.
    func begin(_ webhook: PendingWebhook) -> Bool {
        urls.withLock { urls in
            let own = urls.values.count { $0 == webhook.url }
            guard urls[webhook.id] == nil, own < Self.perURL, urls.count < Self.inAll else {
                return false
            }
            urls[webhook.id] = webhook.url
            return true
        }
    }

    func end(_ webhook: PendingWebhook) {
        urls.withLock { _ = $0.removeValue(forKey: webhook.id) }
    }
}
