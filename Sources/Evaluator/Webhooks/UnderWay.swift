import AsyncHTTPClient
import FunctionRegistry
import NIOCore
import NIOHTTP1
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

/// Ends a connection whose answer has a status below 100: the client behind it takes those for
/// informational ones, and ends the process when no other follows.
final class StatusCheck: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias InboundOut = HTTPClientResponsePart

    struct NoStatus: Error, CustomStringConvertible {
        var description: String { "the status is not one of HTTP" }
    }

    private var isBroken = false

    /// Puts one behind the decoder of a connection.
    @Sendable static func add(to channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.submit {
            let pipeline = channel.pipeline.syncOperations
            let decoder = try pipeline.handler(
                type: ByteToMessageHandler<HTTPResponseDecoder>.self)
            try pipeline.addHandler(StatusCheck(), position: .after(decoder))
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = unwrapInboundIn(data), !(100..<600).contains(head.status.code) {
            isBroken = true
            context.fireErrorCaught(NoStatus())
            context.close(promise: nil)
        }
        if !isBroken { context.fireChannelRead(data) }
    }
}
