import ExecutorSupervisor
import HTTPTypes
import Hummingbird
import NIOCore

/// `InvokeWithResponseStream`: the answer is a stream of events.
extension LambdaService {
    func stream(
        _ target: LambdaInvoker.Target, event: ByteBuffer, client: String?, trace: String,
        _ request: LambdaRequest, _ headers: HTTPFields
    ) async throws -> Response {
        let call = try await StreamedCall(
            invoker, target, event: event, client: client, trace: trace,
            unread: unread.account { [channel = request.channel] in channel?.close(promise: nil) })
        let isTail = request.string("LogType") == "Tail"
        var headers = headers
        headers[.contentType] = EventStream.contentType
        switch call.beginning {
        case .ended(let outcome):
            var body = ByteBuffer()
            if case .completed(let result) = outcome.reply.result {
                body.writeImmutableBuffer(Self.chunk(result))
            }
            body.writeImmutableBuffer(try await end(outcome, target, isTail: isTail))
            headers[.lambdaRequestID] = LambdaRequestID.text(of: outcome.id)
            return Response(
                status: .ok, headers: headers, body: ResponseBody(byteBuffer: body))
        case .streaming(_, let first):
            return Response(
                status: .ok, headers: headers,
                body: ResponseBody { writer in
                    if first.readableBytes > 0 { try await writer.write(Self.chunk(first)) }
                    let outcome = try await call.forEach { piece in
                        try await writer.write(Self.chunk(piece))
                    }
                    try await writer.write(try await end(outcome, target, isTail: isTail))
                    try await writer.finish(nil)
                })
        }
    }

    private static func chunk(_ bytes: ByteBuffer) -> ByteBuffer {
        EventStream.event("PayloadChunk", "application/octet-stream", bytes)
    }

    /// The event that says how the call ended.
    private func end(
        _ outcome: LambdaInvoker.Outcome, _ target: LambdaInvoker.Target, isTail: Bool
    ) async throws -> ByteBuffer {
        var fields: [String: JSONValue] = [:]
        if case .failed = outcome.reply.result {
            let failure = try JSONValue(outcome.reply.body(target, call: outcome.id))
            fields["ErrorCode"] = failure["errorType"] ?? "Runtime.Unknown"
            fields["ErrorDetails"] = .string(failure.text)
        }
        if isTail { fields["LogResult"] = .string(try await tail(outcome.id)) }
        return EventStream.event(
            "InvokeComplete", "application/json",
            ByteBuffer(bytes: JSONValue.object(fields).data))
    }
}
