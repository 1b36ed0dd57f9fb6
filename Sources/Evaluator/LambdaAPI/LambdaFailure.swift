import ExecutorSupervisor
import Foundation
import FunctionRegistry

/// A failed call as Lambda describes it to its caller.
struct LambdaFailure: Sendable {
    var type: String
    var message: String
    var stack: [String]?
    private let isPython: Bool
    private let requestID: String

    init(
        _ failure: CallFailure, handler: String, runtime: FunctionRuntime, timeoutMs: Int,
        call: String
    ) {
        isPython = runtime == .python
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
            (type, message) = Self.initError(failure, handler, isPython: isPython)
            stack = type.hasPrefix("Runtime.") ? [] : failure.stack
        case .wallTimeout:
            type = "Sandbox.Timedout"
            let milliseconds = timeoutMs % 1000
            let seconds =
                "\(timeoutMs / 1000).\(milliseconds < 100 ? "0" : "")\(milliseconds / 10)"
            message = "RequestId: \(requestID) Error: Task timed out after \(seconds) seconds"
        case .responseTooLarge:
            type = "Function.ResponseSizeTooLarge"
            message =
                "Response payload size exceeded maximum allowed payload size (6291556 bytes)."
        case .responseInvalid:
            type = "Runtime.MarshalError"
            message = "Unable to marshal response: \(failure.message)"
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

    /// What an executor says of code that does not load, told apart by its words.
    private static func initError(
        _ failure: CallFailure, _ handler: String, isPython: Bool
    ) -> (type: String, message: String) {
        let prefix = "the code did not load: "
        let text =
            failure.message.hasPrefix(prefix)
            ? String(failure.message.dropFirst(prefix.count)) : failure.message
        let dot = (isPython ? handler.lastIndex(of: ".") : handler.firstIndex(of: "."))
        let module = String(handler[..<(dot ?? handler.endIndex)])
        switch failure.errorType {
        case "SyntaxError", "IndentationError", "TabError":
            return (
                "Runtime.UserCodeSyntaxError",
                isPython
                    ? "Syntax error in module '\(module)': \(text)" : "SyntaxError: \(text)"
            )
        case "FileNotFoundError":
            return (
                "Runtime.ImportModuleError",
                "Unable to import module '\(module)': No module named '\(module)'"
            )
        case "ModuleNotFoundError", "ImportError":
            return (
                "Runtime.ImportModuleError", "Unable to import module '\(module)': \(text)"
            )
        case "AttributeError" where text.contains("has no function named"):
            return (
                "Runtime.HandlerNotFound",
                "Handler '\(handler[(dot ?? handler.startIndex)...].dropFirst())' missing on module "
                    + "'\(module)'"
            )
        case "TypeError" where text.contains("exports no function named"):
            return ("Runtime.HandlerNotFound", "\(handler) is undefined or not exported")
        case "Error" where text.hasPrefix("there is no ") && text.contains(".mjs"):
            return (
                "Runtime.ImportModuleError", "Error: Cannot find module '\(module)'"
            )
        case "Error" where text.hasPrefix("Cannot find "):
            return ("Runtime.ImportModuleError", "Error: \(text)")
        default: return (failure.errorType ?? "Runtime.Unknown", text)
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

    /// The body of the answer. Lambda's Python and Node runtimes name the stack differently.
    var json: JSONValue {
        var fields: [String: JSONValue] = [
            "errorType": .string(type), "errorMessage": .string(message),
        ]
        guard let stack else { return .object(fields) }
        if isPython {
            fields["requestId"] = .string(requestID)
            fields["stackTrace"] = .array(
                stack.map {
                    .string(
                        "  \($0.replacingOccurrences(of: "\"/function/", with: "\"/var/task/"))\n")
                })
        } else {
            fields["trace"] = .array(
                [.string("\(type): \(message)")]
                    + stack.map {
                        .string(
                            "    " + $0.replacingOccurrences(of: "/function/", with: "/var/task/"))
                    })
        }
        return .object(fields)
    }
}
