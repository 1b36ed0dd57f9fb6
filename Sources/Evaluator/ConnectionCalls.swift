import NIOCore
import NIOHTTPTypes
import Synchronization

/// Which call each connection waits for, so that a call whose client has gone away can be cancelled.
/// HTTP/1.1 answers one request of a connection at a time, so there is at most one.
final class ConnectionCalls: Sendable {
    private let calls = Mutex<[ObjectIdentifier: String]>([:])
    private let cancel: @Sendable (String) -> Void

    /// - Parameter cancel: cancels the call with this id; called on the connection's event loop, so it
    ///   must return at once.
    init(cancel: @escaping @Sendable (String) -> Void) {
        self.cancel = cancel
    }

    /// Notes that the client of `channel` waits for a call.
    func begin(_ id: String, on channel: any Channel) {
        calls.withLock { $0[ObjectIdentifier(channel)] = id }
    }

    /// Notes that the client has its answer.
    func end(on channel: any Channel) {
        calls.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(channel)) }
    }

    fileprivate func closed(_ channel: any Channel) {
        if let id = calls.withLock({ $0.removeValue(forKey: ObjectIdentifier(channel)) }) {
            cancel(id)
        }
    }
}

/// Sits in each connection's pipeline: notices that the client has gone away.
final class ConnectionHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart

    private let calls: ConnectionCalls

    init(calls: ConnectionCalls) {
        self.calls = calls
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // A client that closes only its half would still read an answer, but cannot be told from one
        // that is gone. HTTP clients do not do that.
        if case .inputClosed? = event as? ChannelEvent { calls.closed(context.channel) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        calls.closed(context.channel)
        context.fireChannelInactive()
    }
}
