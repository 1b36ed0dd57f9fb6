import Foundation
import FunctionRegistry

/// One attempt of a call that is over, as Lambda's log tells of its end.
struct LambdaRun: Sendable {
    let endedAtMs: Int64
    private let runtime: FunctionRuntime
    private let cause: String?
    private let message: String?
    private let errorType: String?
    private let stack: [String]?
    private let initMs: Double
    private let runMs: Double
    private let peakMemoryBytes: Int
    private let timeoutMs: Int
    private let memoryMB: Int

    /// The latest attempt of a call; `nil` while it is not over.
    init?(_ call: CallRecord) {
        guard call.state.isFinal, let end = call.endedAtMs else { return nil }
        endedAtMs = end
        (cause, message, errorType) = (call.cause, call.message, call.errorType)
        stack = call.stack
        (initMs, runMs) = (call.initMs ?? 0, max(0, call.runMs ?? 0))
        peakMemoryBytes = call.peakMemoryBytes ?? 0
        (runtime, timeoutMs, memoryMB) = (call.runtime, call.timeoutMs, call.memoryMB)
    }

    /// An earlier attempt.
    init(_ call: CallRecord, _ attempt: AsyncState.Attempt) {
        endedAtMs = attempt.endedAtMs
        (cause, message, errorType) = (attempt.cause, attempt.message, attempt.errorType)
        stack = attempt.stack
        (initMs, runMs) = (attempt.initMs ?? 0, max(0, attempt.runMs ?? 0))
        peakMemoryBytes = attempt.peakMemoryBytes ?? 0
        (runtime, timeoutMs, memoryMB) = (call.runtime, call.timeoutMs, call.memoryMB)
    }

    /// What the log says of a failure; `nil` where there was none.
    func failure(_ id: String) -> String? {
        guard let cause else { return nil }
        switch cause {
        case "wall_timeout":
            return "\(Timestamp.text(endedAtMs)) \(id) Task timed out after "
                + "\(Self.hundredths(Double(timeoutMs) / 1000)) seconds\n\n"
        case "handler_error", "init_error":
            return runtime == .python ? pythonError : nodeError(id, isInit: cause == "init_error")
        default: return "RequestId: \(id) Error: \(message ?? cause)\n"
        }
    }

    private var pythonError: String {
        let what = [errorType, message].compactMap { $0 }.joined(separator: ": ")
        var lines = ["[ERROR] " + what]
        if let stack, !stack.isEmpty {
            lines.append("Traceback (most recent call last):")
            lines += stack.map { "  \($0)" }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Time, id, level and the error as JSON, between tabs.
    private func nodeError(_ id: String, isInit: Bool) -> String {
        let type = errorType ?? "Error"
        let message = message ?? ""
        let error: JSONValue = [
            "errorType": .string(type), "errorMessage": .string(message),
            "stack": .list(["\(type): \(message)"] + (stack ?? []).map { "    \($0)" }),
        ]
        let title = isInit ? "Uncaught Exception" : "Invoke Error"
        return [Timestamp.text(endedAtMs), id, "ERROR", title + " ", error.text]
            .joined(separator: "\t") + "\n"
    }

    func report(_ id: String) -> String {
        let memory = (peakMemoryBytes + (1 << 20) - 1) >> 20
        var text = "REPORT RequestId: \(id)\tDuration: \(Self.hundredths(runMs)) ms\t"
        text += "Billed Duration: \(Int((runMs + initMs).rounded(.up))) ms\t"
        text += "Memory Size: \(memoryMB) MB\tMax Memory Used: \(memory) MB\t"
        if initMs > 0 { text += "Init Duration: \(Self.hundredths(initMs)) ms\t" }
        return text + "\n"
    }

    private static func hundredths(_ number: Double) -> String {
        String(format: "%.2f", number)
    }
}
