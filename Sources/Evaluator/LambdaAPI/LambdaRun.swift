import ExecutorSupervisor
import FunctionRegistry

/// One attempt of a call that is over.
struct LambdaRun: Sendable {
    let endedAtMs: Int64
    let runtime: FunctionRuntime
    /// `nil` where it did not fail.
    let cause: String?
    /// The function's own words where it said something.
    let message: String?
    let errorType: String?
    private let stack: [String]
    let initMs: Double
    let runMs: Double
    let timeoutMs: Int
    let memoryMB: Int
    private let peakMemoryBytes: Int

    /// The latest attempt of a call; `nil` while it is not over.
    init?(_ call: CallRecord) {
        guard call.state.isFinal, let end = call.endedAtMs else { return nil }
        endedAtMs = end
        (cause, message) = (call.cause, Self.said(call.message, call.cause))
        errorType = Self.type(call.errorType, call.cause, call.runtime)
        stack = call.stack ?? []
        (initMs, runMs) = (call.initMs ?? 0, max(0, call.runMs ?? 0))
        peakMemoryBytes = call.peakMemoryBytes ?? 0
        (runtime, timeoutMs, memoryMB) = (call.runtime, call.timeoutMs, call.memoryMB)
    }

    /// An earlier attempt.
    init(_ call: CallRecord, _ attempt: AsyncState.Attempt) {
        endedAtMs = attempt.endedAtMs
        (cause, message) = (attempt.cause, Self.said(attempt.message, attempt.cause))
        errorType = Self.type(attempt.errorType, attempt.cause, call.runtime)
        stack = attempt.stack ?? []
        (initMs, runMs) = (attempt.initMs ?? 0, max(0, attempt.runMs ?? 0))
        peakMemoryBytes = attempt.peakMemoryBytes ?? 0
        (runtime, timeoutMs, memoryMB) = (call.runtime, call.timeoutMs, call.memoryMB)
    }

    private static func said(_ message: String?, _ cause: String?) -> String? {
        guard let message, let cause = cause.flatMap(CallCause.init) else { return message }
        return cause.said(message)
    }

    private static func type(
        _ type: String?, _ cause: String?, _ runtime: FunctionRuntime
    ) -> String? {
        cause == CallCause.responseInvalid.rawValue
            ? LambdaFailure.marshalError(runtime) : type
    }

    /// The stack as the language prints it.
    var trace: [String] {
        LambdaFailure.trace(stack, of: errorType ?? "Error", message ?? "", runtime: runtime)
    }

    var isTimeout: Bool { cause == "wall_timeout" }
    /// Whether the function's own code failed and said how.
    var isError: Bool {
        cause == "handler_error" || cause == "init_error" || cause == "response_invalid"
    }
    var usedMB: Int { (peakMemoryBytes + (1 << 20) - 1) >> 20 }
    var billedMs: Int { Int((runMs + initMs).rounded(.up)) }
}
