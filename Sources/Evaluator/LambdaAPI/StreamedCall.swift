import ExecutorSupervisor
import NIOCore

/// A call whose handler may send its result in pieces.
struct StreamedCall: Sendable {
    /// How it began.
    enum Beginning: Sendable {
        /// It is over, and nothing was streamed.
        case ended(LambdaInvoker.Outcome)
        /// The type that the handler gave its stream, and what came with it.
        case streaming(type: String, first: ByteBuffer)
    }

    let beginning: Beginning
    private let pieces: AsyncStream<ByteBuffer>
    /// Of what has been streamed and not been sent yet.
    private let unread: UnreadAnswers.Account
    // Not a child task: it goes on while the answer is written, after the function that began it returned.
    private let task: Task<LambdaInvoker.Outcome, any Error>
    private let reader: Reader

    /// Goes with the last copy of the call: nobody can read it then.
    private final class Reader: Sendable {
        let unread: UnreadAnswers.Account
        let task: Task<LambdaInvoker.Outcome, any Error>

        init(_ unread: UnreadAnswers.Account, _ task: Task<LambdaInvoker.Outcome, any Error>) {
            self.unread = unread
            self.task = task
        }

        deinit {
            task.cancel()
            unread.close()
        }
    }

    /// Returns when the first piece is there, or the call's end.
    /// - Throws: as `LambdaInvoker.run`; the call did not run then.
    init(
        _ invoker: LambdaInvoker, _ target: LambdaInvoker.Target, event: ByteBuffer,
        client: String?, trace: String?, unread: UnreadAnswers.Account
    ) async throws {
        // Bounded by what the supervisor lets through, and all together by the budget.
        let (pieces, continuation) = AsyncStream<ByteBuffer>.makeStream()
        self.pieces = pieces
        self.unread = unread
        let task = Task {
            defer { continuation.finish() }
            return try await invoker.run(
                target, event: event, client: client, trace: trace,
                receivePiece: { piece in
                    unread.add(piece.readableBytes)
                    continuation.yield(piece)
                })
        }
        self.task = task
        reader = Reader(unread, task)
        // The first line is the type.
        var head = ByteBuffer()
        for await piece in pieces {
            unread.remove(piece.readableBytes)
            head.writeImmutableBuffer(piece)
            guard let end = head.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) else {
                continue
            }
            let type = head.readString(length: end - head.readerIndex) ?? ""
            head.moveReaderIndex(forwardBy: 1)
            beginning = .streaming(type: type, first: head)
            return
        }
        beginning = .ended(try await task.value)
    }

    /// The next of the pieces that are to come; for one reader.
    func next() async -> ByteBuffer? {
        var iterator = pieces.makeAsyncIterator()
        guard let piece = await iterator.next() else { return nil }
        unread.remove(piece.readableBytes)
        return piece
    }

    /// Hands on the rest, as it comes.
    /// - Returns: how the call ended.
    func forEach(
        _ body: (ByteBuffer) async throws -> Void
    ) async throws -> LambdaInvoker.Outcome {
        defer { unread.close() }
        do {
            for await piece in pieces {
                try await body(piece)
                unread.remove(piece.readableBytes)
            }
            return try await task.value
        } catch {
            // Nobody reads any more.
            task.cancel()
            throw error
        }
    }
}
