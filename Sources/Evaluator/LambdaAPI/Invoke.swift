import ExecutorSupervisor
import Foundation
import FunctionRegistry
import HTTPTypes
import Hummingbird
import NIOCore

/// Calls: `Invoke`, its old form that nobody waits for, and the one whose answer is a stream.
extension LambdaService {
    static let maximumAsyncBytes = 262_144
    /// The last bytes of a log that an answer has.
    static let tailBytes = 4096

    func invoke(_ request: LambdaRequest) async throws -> Response {
        let target = try await invoker.target(request.function())
        guard request.string("DurableExecutionName") == nil, request.string("TenantId") == nil
        else {
            throw LambdaError.invalid("Durable executions and tenants are not supported here")
        }
        let type =
            request.operation == "InvokeAsync"
            ? "Event" : request.string("InvocationType") ?? "RequestResponse"
        let event = try await Self.event(request.payload, isAsync: type == "Event")
        let trace = request.trace ?? LambdaTrace.new()
        var headers: HTTPFields = [.traceID: trace]
        switch type {
        case "DryRun": return Response(status: .noContent, headers: headers)
        case "Event":
            let id = try await invoker.submit(target, event: event, trace: trace)
            headers[.lambdaRequestID] = LambdaRequestID.text(of: id)
            return Response(status: .accepted, headers: headers)
        default: headers[.lambdaVersion] = target.version
        }
        let client = try Self.clientContext(request)
        if request.operation == "InvokeWithResponseStream" {
            return try await stream(
                target, event: event, client: client, trace: trace, request, headers)
        }
        let outcome = try await invoker.run(
            target, event: event, client: client, trace: trace, allowsNonFinite: true)
        headers[.lambdaRequestID] = LambdaRequestID.text(of: outcome.id)
        headers[.contentType] = "application/json"
        if request.string("LogType") == "Tail" {
            headers[.lambdaLogResult] = try await tail(outcome.id)
        }
        return Response(
            status: .ok, headers: outcome.reply.adding(to: headers),
            body: ResponseBody(byteBuffer: outcome.reply.body(target, call: outcome.id)))
    }

    /// The end of a call's log, in base64.
    func tail(_ id: String) async throws -> String {
        // There may be ten thousand lines.
        try await withTaskExecutorPreference(QuietThreads.listing) {
            let text = LambdaLogs.text(try await invoker.log(of: id))
            return Data(text.utf8.suffix(Self.tailBytes)).base64EncodedString()
        }
    }

    /// The event of a call, which is an empty object where there is none.
    static func event(_ payload: ByteBuffer, isAsync: Bool) async throws -> ByteBuffer {
        if isAsync, payload.readableBytes > maximumAsyncBytes {
            throw LambdaError(
                "RequestTooLargeException", 413,
                "Request must be smaller than \(maximumAsyncBytes) bytes for the InvokeFunction "
                    + "operation with the invocation type Event")
        }
        guard payload.readableBytes > 0 else { return ByteBuffer(string: "{}") }
        try await Aside.shared.run(for: payload.readableBytes) {
            try payload.withUnsafeReadableBytes { try JSONValidator.check($0) }
        }
        return payload
    }

    /// - Parameter name: as the path has it, with its escapes.
    /// - Throws: `LambdaError` where there is no such function.
    func requireFunction(_ name: String, in region: String) async throws {
        guard let text = name.removingPercentEncoding else {
            throw LambdaError.invalid("the path has an escape that is none")
        }
        _ = try await invoker.target(names.reference(text, in: region))
    }

    /// What the header with the client's context says, as JSON text.
    private static func clientContext(_ request: LambdaRequest) throws -> String? {
        guard let header = request.string("ClientContext"), !header.isEmpty else { return nil }
        guard header.utf8.count <= 3583 else {
            throw LambdaError(
                "RequestTooLargeException", 413, "The client context has more than 3583 bytes")
        }
        guard let data = Data(base64Encoded: header),
            (try? JSONValue(ByteBuffer(bytes: data))) != nil
        else {
            throw LambdaError(
                "InvalidRequestContentException", 400,
                "Client context must be a valid Base64-encoded JSON object.")
        }
        return String(decoding: data, as: UTF8.self)
    }
}

extension CallReply {
    /// The headers, with the one of a call that failed.
    func adding(to headers: HTTPFields) -> HTTPFields {
        var headers = headers
        if case .failed = result { headers[.lambdaFunctionError] = "Unhandled" }
        return headers
    }

    /// The result, or Lambda's description of the failure.
    func body(_ target: LambdaInvoker.Target, call: String) -> ByteBuffer {
        switch result {
        case .completed(let result): result
        case .failed(let failure):
            ByteBuffer(
                bytes: LambdaFailure(
                    failure, runtime: target.callable.version.runtime,
                    timeoutMs: target.callable.version.timeoutMs, call: call
                ).json.data)
        }
    }
}
