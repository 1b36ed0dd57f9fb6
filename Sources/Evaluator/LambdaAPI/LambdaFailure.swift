import ExecutorSupervisor
import Foundation
import FunctionRegistry

/// A failed call as Lambda describes it to its caller.
struct LambdaFailure: Sendable {
    var type: String
    var message: String
    var stack: [String]?
    private let runtime: FunctionRuntime
    private var requestID: String

    init(
        _ failure: CallFailure, runtime: FunctionRuntime, timeoutMs: Int, call: String
    ) {
        self.runtime = runtime
        let isPython = runtime == .python
        requestID = LambdaRequestID.text(of: call)
        type = "Runtime.ExitError"
        message = ""
        func exited(_ how: String) -> String {
            "RequestId: \(requestID) Error: Runtime exited \(how)"
        }
        switch failure.cause {
        case .handlerError:
            type = failure.errorType ?? (isPython ? "Exception" : "Error")
            message = failure.message
            stack = failure.stack
        case .initError:
            type = failure.errorType ?? "Runtime.Unknown"
            message = failure.cause.said(failure.message)
            stack = failure.stack
            // There is no request yet.
            if isPython { requestID = "" }
        case .wallTimeout:
            type = "Sandbox.Timedout"
            let milliseconds = timeoutMs % 1000
            let seconds =
                "\(timeoutMs / 1000).\(milliseconds < 100 ? "0" : "")\(milliseconds / 10)"
            message = "RequestId: \(requestID) Error: Task timed out after \(seconds) seconds"
        case .responseTooLarge:
            type = "Function.ResponseSizeTooLarge"
            message =
                "Response payload size exceeded maximum allowed payload size "
                + "(\(SupervisorConfiguration.maximumResultBytes) bytes)."
        case .responseInvalid:
            type = Self.marshalError(runtime)
            message = failure.cause.said(failure.message)
            stack = []
        case .exited where failure.exitCode == 0: message = exited("without providing a reason")
        case .exited: message = exited("with error: exit status \(failure.exitCode ?? 1)")
        case .crashed:
            message = exited("with error: signal: \(Self.signal(failure.signal))")
        case .outOfMemory, .cpuLimit: message = exited("with error: signal: killed")
        case .cancelled, .expired, .templateLost, .evaluatorLost:
            message = exited("with error: \(failure.message)")
        }
    }

    private static func signal(_ name: String?) -> String {
        switch name {
        case "SIGSEGV": "segmentation fault"
        case "SIGABRT": "aborted"
        case "SIGBUS": "bus error"
        case "SIGFPE": "floating point exception"
        case "SIGILL": "illegal instruction"
        case "SIGKILL": "killed"
        case "SIGTERM": "terminated"
        default: name ?? "killed"
        }
    }

    /// What the runtimes call a result that is not JSON.
    static func marshalError(_ runtime: FunctionRuntime) -> String {
        runtime == .python ? "Runtime.MarshalError" : "Error"
    }

    /// A stack as the language itself prints one. Lambda's runtimes leave out what the error was caused by.
    static func trace(
        _ stack: [String], of type: String, _ message: String, runtime: FunctionRuntime
    ) -> [String] {
        let frames = stack.prefix { !$0.hasPrefix(CallFailure.causedBy) }
        switch runtime {
        case .python: return frames.map { "  \($0)\n" }
        case .javascript: return ["\(type): \(message)"] + frames.map { "    \($0)" }
        }
    }

    /// The body of the answer. Lambda's Python and Node runtimes name the stack differently.
    var json: JSONValue {
        var fields: [String: JSONValue] = [
            "errorType": .string(type), "errorMessage": .string(message),
        ]
        guard let stack else { return .object(fields) }
        let trace = JSONValue.list(Self.trace(stack, of: type, message, runtime: runtime))
        switch runtime {
        case .python:
            fields["requestId"] = .string(requestID)
            fields["stackTrace"] = trace
        case .javascript: fields["trace"] = trace
        }
        return .object(fields)
    }
}
