import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// What all connections share.
struct Edge: Sendable {
    let connections = Connections()
    let unread: UnreadAnswers
    let calls: ConnectionCalls
    /// How long a request may take to come, besides a second for every 10 kB.
    let requestTime: TimeAmount

    /// Ends connections that send nothing, or a head too slowly.
    static let idleTime = Duration.seconds(120)
}

/// A connection's pipeline: as Hummingbird's `HTTP1Channel` makes it, with `EdgeHandler` in the place of the
/// translation between NIO's types and those of requests. What is decided there nothing can get around.
struct EdgeChannel: HTTPChannelHandler {
    typealias Value = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    let responder: HTTPChannelHandler.Responder
    let edge: Edge

    /// Of a request's head: of one field, and of all.
    private static let maximumHeadBytes = 80 << 10
    private static let maximumHeaders = 1000

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            var limits = NIOHTTPDecoderLimitConfiguration()
            limits.maxHeaderFieldSize = Self.maximumHeadBytes
            limits.maxHeaderListSize = Self.maximumHeadBytes
            limits.maxHeaderFieldCount = Self.maximumHeaders
            var encoding = HTTPResponseEncoder.Configuration()
            // It does not know what was asked: the answer to HEAD has no body.
            encoding.automaticallySetFramingHeaders = false
            let pipeline = channel.pipeline.syncOperations
            try pipeline.configureHTTPServerPipeline(
                // Requests are answered one after the other by what reads them.
                withPipeliningAssistance: false, withErrorHandling: false,
                withOutboundHeaderValidation: false, withEncoderConfiguration: encoding,
                withDecoderLimitConfiguration: limits)
            try pipeline.addHandler(EdgeHandler(edge, channel))
            try pipeline.addHandler(ConnectionHandler(calls: edge.calls))
            try pipeline.addHandler(
                HTTPConnectionStateHandler(idleTimeout: Edge.idleTime, logger: logger))
            return try NIOAsyncChannel(
                wrappingChannelSynchronously: channel,
                configuration: .init(isOutboundHalfClosureEnabled: true))
        }
    }

    func handle(value: Value, logger: Logger) async {
        await handleHTTP(asyncChannel: value, logger: logger)
    }
}

extension HTTPServerBuilder {
    static func edge(_ edge: Edge) -> HTTPServerBuilder {
        HTTPServerBuilder { EdgeChannel(responder: $0, edge: edge) }
    }
}
