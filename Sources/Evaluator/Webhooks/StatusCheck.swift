import NIOCore
import NIOHTTP1

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
