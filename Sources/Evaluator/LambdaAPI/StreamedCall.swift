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
    // Not a child task: it goes on while the answer is written, after the function that began it returned.
    private let task: Task<LambdaInvoker.Outcome, any Error>

    /// Returns when the first piece is there, or the call's end.
    /// - Throws: as `LambdaInvoker.run`; the call did not run then.
    init(
        _ invoker: LambdaInvoker, _ target: LambdaInvoker.Target, event: ByteBuffer,
        client: String?
    ) async throws {
        // Bounded by what the supervisor lets through.
        let (pieces, continuation) = AsyncStream<ByteBuffer>.makeStream()
        self.pieces = pieces
        let task = Task {
            defer { continuation.finish() }
            return try await invoker.run(
                target, event: event, client: client,
                receivePiece: { continuation.yield($0) })
        }
        self.task = task
        // The first line is the type.
        var head = ByteBuffer()
        for await piece in pieces {
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

    /// The pieces that are to come; for one reader.
    func makeIterator() -> AsyncStream<ByteBuffer>.Iterator { pieces.makeAsyncIterator() }

    /// Hands on the rest, as it comes.
    /// - Returns: how the call ended.
    func forEach(
        _ body: (ByteBuffer) async throws -> Void
    ) async throws -> LambdaInvoker.Outcome {
        do {
            for await piece in pieces { try await body(piece) }
            return try await task.value
        } catch {
            // Nobody reads any more.
            task.cancel()
            throw error
        }
    }
}
