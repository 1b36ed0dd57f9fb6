import ExecutorSupervisor
import HTTPTypes
import Hummingbird
import NIOCore

/// `InvokeWithResponseStream`: the answer is a stream of events.
extension LambdaService {
    func stream(
        _ target: LambdaInvoker.Target, event: ByteBuffer, client: String?,
        _ request: LambdaRequest, _ headers: HTTPFields
    ) async throws -> Response {
        let outcome = try await invoker.run(target, event: event, client: client)
        var headers = headers
        headers[.lambdaRequestID] = LambdaRequestID.text(of: outcome.id)
        headers[.contentType] = EventStream.contentType
        let log = request.string("LogType") == "Tail" ? try await tail(outcome.id) : nil
        var body = ByteBuffer()
        var end: [String: JSONValue] = [:]
        switch outcome.reply.result {
        case .completed(let result):
            var message = EventStream.event("PayloadChunk", "application/octet-stream", result)
            body.writeBuffer(&message)
        case .failed:
            let failure = try JSONValue(outcome.reply.body(target, call: outcome.id))
            end["ErrorCode"] = failure["errorType"] ?? "Runtime.Unknown"
            end["ErrorDetails"] = .string(failure.text)
        }
        if let log { end["LogResult"] = .string(log) }
        var message = EventStream.event(
            "InvokeComplete", "application/json", ByteBuffer(bytes: JSONValue.object(end).data))
        body.writeBuffer(&message)
        return Response(
            status: .ok, headers: headers, body: ResponseBody(byteBuffer: body))
    }
}
