import ExecutorSupervisor
import Foundation
import FunctionRegistry
import NIOCore

/// Calls functions that are to be told of the ends of others' asynchronous calls. They are found and counted
/// as webhooks are: what was to be told is on the disk until it was.
struct LambdaDestinations: Sendable {
    let registry: FunctionRegistry
    let functions: LambdaFunctions
    let invoker: LambdaInvoker

    /// Calls in a row of which each was caused by the end of the one before: one more is taken for a loop, as
    /// Lambda does (docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html).
    static let maximumHops = 16

    /// - Returns: why it was not delivered, and whether trying again is of no use.
    func deliver(_ webhook: PendingWebhook) async throws -> (fault: String?, isOver: Bool) {
        guard let call = try await registry.calls.call(webhook.id) else { return (nil, true) }
        let hops = (call.async?.hops ?? 0) + 1
        guard hops < Self.maximumHops else {
            return (
                "\(Self.maximumHops) calls in a row were each caused by the end of the one before: this "
                    + "is taken for a loop and ends here", true
            )
        }
        do {
            let reference = try functions.names.reference(
                webhook.url, in: functions.names.region(of: call.function))
            let target = try await invoker.target(reference)
            let event = try await registry.calls.webhookEvent(webhook.id)
            let result = call.state == .completed ? try await registry.calls.result(call.id) : nil
            let most = LambdaService.maximumAsyncBytes
            guard (event?.count ?? 0) + (result?.count ?? 0) <= most else {
                return ("event and result have together more than \(most) bytes", true)
            }
            let record = try await record(of: call, event: event, result: result)
            // The same call twice is one call: the evaluator may have stopped between the two lines.
            _ = try await invoker.submit(
                target, event: ByteBuffer(bytes: record.data), key: "destination/\(webhook.id)",
                hops: hops, trace: call.async?.trace)
            return (nil, true)
        } catch let error as LambdaError {
            return (error.message, false)
        }
    }

    /// What a destination is told.
    private func record(
        of call: CallRecord, event: Data?, result: Data?
    ) async throws -> JSONValue {
        let callable = try await functions.cache.find(call.function, version: call.version)
        let version = LambdaLogs(callable).version
        var response: [String: JSONValue] = [
            "statusCode": 200, "executedVersion": .string(version),
        ]
        var payload: JSONValue = .null
        if call.state == .completed {
            if let result { payload = try JSONValue(ByteBuffer(bytes: result)) }
        } else {
            response["functionError"] = "Unhandled"
            let failure = CallFailure(
                cause: call.cause.flatMap(CallCause.init) ?? .evaluatorLost,
                message: call.message ?? "", errorType: call.errorType, stack: call.stack ?? [],
                exitCode: call.exitCode, signal: call.signal)
            payload =
                LambdaFailure(
                    failure, runtime: call.runtime, timeoutMs: call.timeoutMs, call: call.id
                ).json
        }
        let condition =
            switch call.cause {
            case nil: "Success"
            case "expired": "EventAgeExceeded"
            default: "RetriesExhausted"
            }
        return [
            "version": "1.0",
            "timestamp": .string(Timestamp.text(call.endedAtMs ?? currentTimeMs())),
            "requestContext": [
                "requestId": .string(LambdaRequestID.text(of: call.id)),
                "functionArn": .string(functions.names.function(call.function, version)),
                "condition": .string(condition),
                "approximateInvokeCount": .int(call.async?.attempt ?? 1),
            ],
            "requestPayload": try event.map { try JSONValue(ByteBuffer(bytes: $0)) } ?? .null,
            "responseContext": .object(response),
            "responsePayload": payload,
        ]
    }
}
