import ExecutorSupervisor
import FunctionRegistry
import HTTPTypes
import Hummingbird
import NIOCore

/// What the caller of a function is answered, now or later.
struct CallAnswers: Sendable {
    let calls: CallRecorder
    let headers: CallHeaders

    /// The answer to a call that has just ended.
    /// - Throws: `Problem` when it did not complete.
    func response(_ id: String, _ reply: CallReply) throws -> Response {
        let fields = [headers.callID: id, headers.runMs: "\(rounded(reply.runMs))"]
        switch reply.result {
        case .completed(let result): return completed(result, fields)
        case .failed(let failure):
            throw problem(
                fields,
                Problem.CallPart(
                    callId: id, state: failure.state.rawValue, cause: failure.cause.rawValue,
                    errorType: failure.errorType, message: failure.message, stack: failure.stack,
                    exitCode: failure.exitCode, signal: failure.signal))
        }
    }

    /// The answer to a call that is over, as it was or would have been given.
    /// - Parameter isReplay: the request is a repetition.
    /// - Throws: `Problem` when it did not complete, or its result is not kept.
    func stored(_ call: CallRecord, isReplay: Bool) async throws -> Response {
        let runMs = (call.startMs ?? 0) + (call.initMs ?? 0) + (call.runMs ?? 0)
        var fields = [headers.callID: call.id, headers.runMs: "\(rounded(runMs))"]
        if isReplay { fields[headers.replayed] = "true" }
        guard call.state == .completed else {
            throw problem(
                fields,
                Problem.CallPart(
                    callId: call.id, state: call.state.rawValue, cause: call.cause ?? "crashed",
                    errorType: call.errorType, message: call.message ?? "", stack: call.stack ?? [],
                    exitCode: call.exitCode, signal: call.signal))
        }
        guard let result = try await calls.result(call.id) else {
            throw Problem(
                .notFound,
                "the result of the call \(call.id) is not kept: results of asynchronous calls and of "
                    + "those with an idempotency key are, the newest")
        }
        return completed(ByteBuffer(bytes: result), fields)
    }

    private func completed(_ result: ByteBuffer, _ fields: [HTTPField.Name: String]) -> Response {
        var all = HTTPFields(fields)
        all[headers.state] = CallState.completed.rawValue
        all[.contentType] = "application/json"
        return Response(status: .ok, headers: all, body: ResponseBody(byteBuffer: result))
    }

    private func problem(_ fields: [HTTPField.Name: String], _ call: Problem.CallPart) -> Problem {
        var all = HTTPFields(fields)
        all[headers.state] = call.state
        let kind: ProblemKind =
            switch CallState(rawValue: call.state) {
            case .timedOut: .callTimedOut
            case .cancelled: .callCancelled
            default: .callFailed
            }
        return Problem(
            kind, [call.errorType, call.message].compactMap { $0 }.joined(separator: ": "),
            headers: all, call: call)
    }
}

extension HTTPFields {
    fileprivate init(_ fields: [HTTPField.Name: String]) {
        self.init()
        for (name, value) in fields { self[name] = value }
    }
}

/// The names of the headers that answers of calls have.
struct CallHeaders: Sendable {
    let callID: HTTPField.Name
    let state: HTTPField.Name
    let runMs: HTTPField.Name
    let replayed: HTTPField.Name
    let preferenceApplied: HTTPField.Name

    init() throws {
        func name(_ text: String) throws -> HTTPField.Name {
            guard let name = HTTPField.Name(text) else {
                throw StartError(message: "\(text) is not a header name")
            }
            return name
        }
        callID = try name("Cloister-Call-Id")
        state = try name("Cloister-Call-State")
        runMs = try name("Cloister-Run-Ms")
        replayed = try name("Idempotency-Replayed")
        preferenceApplied = try name("Preference-Applied")
    }
}
