import DequeModule
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// What every message of a connection passes: translates between NIO's types and those of requests, and keeps
/// what HTTP asks for and what each client may take of the evaluator, whatever answers.
final class EdgeHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let edge: Edge
    private let connection: Connections.Connection
    private let unread: UnreadAnswers.Account
    /// What has been asked and not answered to its end, the oldest first.
    private var questions: Deque<AnswerFraming.Question> = []
    /// Of the answer that is being written.
    private var answer: AnswerFraming?
    private var isReceiving = false
    private var pace: RequestPace?
    private var pieces = PieceSizes()
    private var timer: Scheduled<Void>?
    /// Bytes of large pieces that the client has yet to read.
    private var unreadBytes = 0
    private var readingTimer: Scheduled<Void>?
    /// Nothing is read or written any more.
    private var isEnding = false

    /// How long a client may take to read the last answer and to close.
    private static let endingTime = TimeAmount.seconds(2)

    init(_ edge: Edge, _ channel: any Channel) {
        self.edge = edge
        let connections = edge.connections
        connection = connections.opened {
            channel.triggerUserOutboundEvent(CloseIfIdle(), promise: nil)
        }
        unread = edge.unread.account(closing: channel)
    }

    private struct CloseIfIdle {}

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        timer = nil
        readingTimer?.cancel()
        readingTimer = nil
        unread.close()
        edge.connections.closed(connection)
    }

    func triggerUserOutboundEvent(
        context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?
    ) {
        guard event is CloseIfIdle else {
            context.triggerUserOutboundEvent(event, promise: promise)
            return
        }
        if connection.isIdle { context.close(promise: nil) }
        promise?.succeed()
    }

    // MARK: What comes

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isEnding else { return }
        switch unwrapInboundIn(data) {
        case .head(let head): begin(head, context)
        case .body(let bytes):
            pace?.received(bytes.readableBytes)
            pieces.add(bytes.readableBytes)
            // The rest of a body that has been answered already is for nobody.
            guard !questions.isEmpty else { return }
            if pieces.areTooSmall {
                refuse(
                    Problem(
                        .badRequest,
                        "the body comes in pieces of less than \(PieceSizes.least) bytes; send larger ones"
                    ),
                    context)
                return
            }
            context.fireChannelRead(wrapInboundOut(.body(bytes)))
        case .end(let trailers):
            isReceiving = false
            pace = nil
            timer?.cancel()
            timer = nil
            if questions.isEmpty { becameIdle(context) }
            context.fireChannelRead(
                wrapInboundOut(.end(trailers.map { HTTPFields($0, splitCookie: false) })))
        }
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        connection.becameBusy()
        var head = head
        let fault = RequestTarget.resolve(&head)
        questions.append(
            AnswerFraming.Question(
                isHead: head.method == .HEAD, isOld: head.isOld, isLast: fault != nil))
        isReceiving = true
        pieces = PieceSizes()
        do {
            var request = try HTTPRequest(head, secure: false, splitCookie: false)
            if let fault { request.fault = fault }
            context.fireChannelRead(wrapInboundOut(.head(request)))
        } catch {
            questions.removeLast()
            context.fireErrorCaught(HTTPParserError.invalidMethod)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Most requests come whole, and need no clock.
        if isReceiving, pace == nil, !isEnding {
            let pace = RequestPace(grace: edge.requestTime, at: .now())
            self.pace = pace
            schedule(at: pace.deadline, context)
        }
        context.fireChannelReadComplete()
    }

    private func schedule(at deadline: NIODeadline, _ context: ChannelHandlerContext) {
        timer?.cancel()
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(deadline: deadline) {
            let (handler, context) = bound.value
            handler.timeIsUp(context)
        }
    }

    private func timeIsUp(_ context: ChannelHandlerContext) {
        guard isReceiving, !isEnding else { return }
        guard pace?.isOver(at: .now()) == false, let deadline = pace?.deadline else {
            refuse(
                Problem(
                    .requestTimeout,
                    "the request came too slowly: it may take \(edge.requestTime.nanoseconds / 1_000_000_000) s, "
                        + "and a second more for every \(RequestPace.bytesPerSecond) bytes"),
                context)
            return
        }
        schedule(at: deadline, context)
    }

    /// Answers in the place of what was to answer, if it has not begun to, and ends the connection.
    private func refuse(_ problem: Problem, _ context: ChannelHandlerContext) {
        guard questions.count == 1, answer == nil, var (head, body) = try? problem.parts() else {
            context.close(promise: nil)
            return
        }
        questions[0].isLast = true
        let framing = AnswerFraming(&head, to: questions[0])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        var admitted = framing
        if admitted.admits(body.readableBytes) {
            context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        questions.removeAll()
        body.clear()
        end(context)
    }

    // MARK: What goes

    func write(
        context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?
    ) {
        guard !isEnding else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(let response): write(HTTPResponseHead(response), context, promise)
        case .body(let bytes): write(bytes, context, promise)
        case .end(let trailers): writeEnd(trailers, context, promise)
        }
    }

    private func write(
        _ head: HTTPResponseHead, _ context: ChannelHandlerContext,
        _ promise: EventLoopPromise<Void>?
    ) {
        var head = head
        if head.status == .continue {
            context.write(wrapOutboundOut(.head(head)), promise: promise)
            return
        }
        // Hummingbird answers what it could not read, too.
        let question =
            questions.first ?? AnswerFraming.Question(isHead: false, isOld: false, isLast: true)
        if questions.isEmpty { questions.append(question) }
        answer = AnswerFraming(&head, to: question)
        context.write(wrapOutboundOut(.head(head)), promise: promise)
    }

    private func write(
        _ bytes: ByteBuffer, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?
    ) {
        let count = bytes.readableBytes
        guard answer?.admits(count) == true else {
            promise?.succeed()
            return
        }
        guard count > UnreadAnswers.free else {
            context.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: promise)
            return
        }
        let written = promise ?? context.eventLoop.makePromise()
        unread.add(count)
        unreadBytes += count
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        written.futureResult.whenComplete { _ in
            let handler = bound.value
            handler.unread.remove(count)
            handler.unreadBytes -= count
        }
        context.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: written)
    }

    private func writeEnd(
        _ trailers: HTTPFields?, _ context: ChannelHandlerContext,
        _ promise: EventLoopPromise<Void>?
    ) {
        if answer == nil {
            // Only an interim answer was given, and nothing else follows it.
            write(
                HTTPResponseHead(
                    version: .http1_1, status: .badGateway, headers: ["Content-Length": "0"]),
                context, nil)
        }
        answer?.end()
        let (isLast, hasBody) = (answer?.isLast ?? true, answer?.hasBody ?? false)
        answer = nil
        questions.removeFirst()
        context.write(
            wrapOutboundOut(.end(hasBody ? trailers.map(HTTPHeaders.init) : nil)), promise: promise)
        if isLast {
            context.flush()
            end(context)
        } else if questions.isEmpty {
            if isReceiving { linger(context) } else { becameIdle(context) }
        }
    }

    /// A client has as long for what it does not read as it has for what it sends.
    func channelWritabilityChanged(context: ChannelHandlerContext) {
        readingTimer?.cancel()
        readingTimer = nil
        if !context.channel.isWritable {
            let seconds = Int64(unreadBytes / RequestPace.bytesPerSecond)
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            readingTimer = context.eventLoop.scheduleTask(in: edge.requestTime + .seconds(seconds))
            {
                bound.value.close(promise: nil)
            }
        }
        context.fireChannelWritabilityChanged()
    }

    private func becameIdle(_ context: ChannelHandlerContext) {
        connection.becameIdle()
        guard edge.connections.isFull, !isEnding else { return }
        context.flush()
        end(context)
    }

    private func linger(_ context: ChannelHandlerContext) {
        let now = NIODeadline.now()
        var pace = pace ?? RequestPace(grace: edge.requestTime, at: now)
        pace.answered(at: now)
        self.pace = pace
        schedule(at: pace.deadline, context)
    }

    /// Ends the connection in the order that leaves the client its answer (RFC 9112, section 9.6).
    private func end(_ context: ChannelHandlerContext) {
        isEnding = true
        connection.becameIdle()
        context.close(mode: .output, promise: nil)
        timer?.cancel()
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: Self.endingTime) {
            bound.value.close(promise: nil)
        }
    }
}
