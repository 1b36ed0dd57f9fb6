import ExecutorSupervisor
import HTTPTypes
import Hummingbird
import NIOCore

/// The answer of a function URL that streams: what the handler writes, after what it says of the status and
/// headers, if it does.
struct StreamedWebAnswer: Sendable {
    /// The type of a stream that begins with JSON of status and headers, and eight zero bytes.
    private static let integration = "application/vnd.awslambda.http-integration-response"
    private static let separator = [UInt8](repeating: 0, count: 8)
    private static let maximumPrelude = 64 << 10

    let call: StreamedCall

    /// The handler failed after a part of the answer had gone.
    private struct BrokenOff: Error {}

    /// - Parameter decorate: adds headers.
    func response(
        type: String, first: ByteBuffer, decorate: (inout Response) -> Void
    ) async throws -> Response {
        guard type == Self.integration else {
            return answer(.ok, [.contentType: type], first, decorate)
        }
        // The prelude comes first and in one go: a handler that writes it waits for nothing in between.
        var head = first
        var end = Self.end(of: head)
        while end == nil, head.readableBytes < Self.maximumPrelude,
            let piece = await call.next()
        {
            head.writeImmutableBuffer(piece)
            end = Self.end(of: head)
        }
        guard let end, let text = head.readSlice(length: end),
            let prelude = try? JSONValue(text)
        else { return WebAnswer.failure }
        head.moveReaderIndex(forwardBy: Self.separator.count)
        var headers: HTTPFields = [.contentType: "application/octet-stream"]
        WebAnswer.add(prelude, to: &headers)
        guard let status = WebAnswer.status(prelude["statusCode"] ?? 200) else {
            return WebAnswer.failure
        }
        return answer(status, headers, head, decorate)
    }

    private func answer(
        _ status: HTTPResponse.Status, _ headers: HTTPFields, _ first: ByteBuffer,
        _ decorate: (inout Response) -> Void
    ) -> Response {
        var response = Response(
            status: status, headers: headers,
            body: ResponseBody { [call] writer in
                if first.readableBytes > 0 { try await writer.write(first) }
                let outcome = try await call.forEach { try await writer.write($0) }
                // Without an end the client sees that something is missing.
                if case .failed = outcome.reply.result { throw BrokenOff() }
                try await writer.finish(nil)
            })
        decorate(&response)
        return response
    }

    /// Where the zero bytes begin, counted from the reader's place.
    private static func end(of buffer: ByteBuffer) -> Int? {
        let bytes = buffer.readableBytesView
        guard bytes.count >= separator.count else { return nil }
        var zeros = 0
        for (offset, byte) in bytes.enumerated() {
            zeros = byte == 0 ? zeros + 1 : 0
            if zeros == separator.count { return offset + 1 - separator.count }
        }
        return nil
    }
}
