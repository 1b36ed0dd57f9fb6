import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// An HTTP server on the loopback interface that answers as a test says.
final class StubServer: Sendable {
    struct Request: Sendable {
        let method: String
        let uri: String
        let headers: HTTPHeaders
        let body: String
    }

    struct Answer: Sendable {
        var status = 200
        var headers: [(String, String)] = [("Content-Type", "application/json")]
        var body = ""
        /// Writes the body piece by piece instead; the connection is closed when it returns.
        var stream: (@Sendable (Stream) async throws -> Void)?

        /// A stream of server-sent events.
        static func events(_ stream: @escaping @Sendable (Stream) async throws -> Void) -> Answer {
            Answer(headers: [("Content-Type", "text/event-stream")], stream: stream)
        }

        static func problem(_ status: Int, _ body: String, headers: [(String, String)] = [])
            -> Answer
        {
            Answer(
                status: status, headers: headers + [("Content-Type", "application/problem+json")],
                body: body)
        }
    }

    /// The body of an answer that is not over.
    struct Stream: Sendable {
        fileprivate let channel: any Channel

        func send(_ text: String) async throws { try await send(Array(text.utf8)) }

        func send(_ bytes: [UInt8]) async throws {
            let part = HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: bytes)))
            try await channel.writeAndFlush(part)
        }

        /// Ends the answer as HTTP has it; without it, the connection breaks off.
        func end() async throws {
            try await channel.writeAndFlush(HTTPServerResponsePart.end(nil))
        }

        /// Returns when the client has gone.
        func clientLeaves() async throws { try await channel.closeFuture.get() }
    }

    typealias Respond = @Sendable (Request) -> Answer

    private let channel: any Channel
    private let recorded: Recorded

    /// The requests so far.
    var requests: [Request] { recorded.requests.withLock { $0 } }
    var url: String { "http://127.0.0.1:\(channel.localAddress?.port ?? 0)" }

    private final class Recorded: Sendable {
        let requests = Mutex<[Request]>([])
    }

    private init(channel: any Channel, recorded: Recorded) {
        self.channel = channel
        self.recorded = recorded
    }

    /// Answers every request the same.
    static func run<Result>(
        answering answer: Answer, _ body: (StubServer) async throws -> Result
    ) async throws -> Result {
        @Sendable func respond(_: Request) -> Answer { answer }
        return try await run(respond: respond, body)
    }

    static func run<Result>(
        respond: @escaping Respond, _ body: (StubServer) async throws -> Result
    ) async throws -> Result {
        let recorded = Recorded()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.pipeline.configureHTTPServerPipeline().flatMapThrowing {
                    let handler = Handler { request in
                        recorded.requests.withLock { $0.append(request) }
                        return respond(request)
                    }
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let server = StubServer(channel: channel, recorded: recorded)
        do {
            let result = try await body(server)
            try await channel.close()
            return result
        } catch {
            try? await channel.close()
            throw error
        }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let respond: Respond
        private var head: HTTPRequestHead?
        private var body = ""

        init(_ respond: @escaping Respond) { self.respond = respond }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                body = ""
            case .body(let buffer):
                body += String(buffer: buffer)
            case .end:
                guard let head else { return }
                let answer = respond(
                    Request(
                        method: head.method.rawValue, uri: head.uri, headers: head.headers,
                        body: body))
                write(answer, context)
            }
        }

        private func write(_ answer: Answer, _ context: ChannelHandlerContext) {
            var headers = HTTPHeaders(answer.headers)
            if let stream = answer.stream {
                let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: headers)
                context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
                let channel = context.channel
                Task {
                    try? await stream(Stream(channel: channel))
                    try? await channel.close()
                }
                return
            }
            headers.add(name: "Content-Length", value: String(answer.body.utf8.count))
            let status = HTTPResponseStatus(statusCode: answer.status)
            let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.write(
                wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: answer.body)))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }
}
