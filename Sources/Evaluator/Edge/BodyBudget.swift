import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import Synchronization

/// The memory that the bodies of all requests may have while they are received and checked.
final class BodyBudget: Sendable {
    /// Bytes of each body that are not counted: there are no more of them than connections.
    static let free = 16 << 10
    /// Bodies that are larger may take three quarters only, so that there is room for events beside uploads.
    static let large = InvokeController.maximumEventBytes

    private let most: Int
    private let taken = Atomic(0)

    /// - Parameter most: bytes.
    init(most: Int) {
        self.most = most
    }

    /// Bytes that are taken.
    var bytes: Int { taken.load(ordering: .relaxed) }

    /// - Parameter size: the body's, with what is asked for.
    fileprivate func take(_ count: Int, of size: Int) -> Bool {
        let now = taken.add(count, ordering: .relaxed).newValue
        if now <= (size > Self.large ? most / 4 * 3 : most) { return true }
        give(count)
        return false
    }

    fileprivate func give(_ count: Int) {
        taken.subtract(count, ordering: .relaxed)
    }
}

/// The whole body of a request, which holds its part of the budget.
struct ReceivedBody: Sendable {
    let bytes: ByteBuffer
    fileprivate let hold: Hold?

    /// Gives the part of the budget back. What else happens to the bytes has bounds of its own.
    func release() { hold?.release() }

    fileprivate final class Hold: Sendable {
        private let budget: BodyBudget
        private let count = Atomic(0)

        init(_ budget: BodyBudget) {
            self.budget = budget
        }

        deinit { release() }

        func take(_ more: Int, of size: Int) -> Bool {
            guard budget.take(more, of: size) else { return false }
            count.add(more, ordering: .relaxed)
            return true
        }

        func release() { budget.give(count.exchange(0, ordering: .relaxed)) }
    }
}

/// Receives the bodies of requests.
struct RequestBodies: Sendable {
    let budget: BodyBudget

    /// The whole body of a request; a client that asks first is told to go ahead.
    /// - Throws: `Problem` of the kind `payload-too-large`, before the body is read where its length is
    ///   known; `overloaded` where there is no room for it; `bad-request` where it does not come to its end.
    func collect(
        _ request: Request, _ context: EvaluatorRequestContext, maximumBytes: Int
    ) async throws -> ReceivedBody {
        let tooLarge = Problem(
            .payloadTooLarge,
            "the body is larger than \(maximumBytes) bytes, the most that is taken here")
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > maximumBytes
        {
            throw tooLarge
        }
        if request.headers[.expect]?.lowercased() == "100-continue" {
            context.channel.writeAndFlush(
                HTTPResponsePart.head(HTTPResponse(status: .continue)), promise: nil)
        }
        var bytes = ByteBuffer()
        var hold: ReceivedBody.Hold?
        do {
            for try await var piece in request.body {
                let size = bytes.readableBytes + piece.readableBytes
                guard size <= maximumBytes else { throw tooLarge }
                if size > BodyBudget.free {
                    let more = hold == nil ? size : piece.readableBytes
                    let taking = hold ?? ReceivedBody.Hold(budget)
                    guard taking.take(more, of: size) else { throw Self.noRoom }
                    hold = taking
                }
                if bytes.readableBytes == 0 { bytes = piece } else { bytes.writeBuffer(&piece) }
            }
        } catch let error as HTTPParserError {
            // Nothing is wrong here: the client went away, or never spoke HTTP.
            throw Problem(.badRequest, "the body broke off or is not as HTTP has it: \(error)")
        }
        return ReceivedBody(bytes: bytes, hold: hold)
    }

    private static var noRoom: Problem {
        Problem(
            .overloaded,
            "the bodies of other requests take all the memory that there is for them; try again in 5 s",
            headers: [.retryAfter: "5"])
    }
}
