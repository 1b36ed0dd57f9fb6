/// What to do about a call that did not complete.
enum WhyAdvice {
    /// `nil` for a call without a cause.
    static func text(_ call: CallRecord) -> String? {
        switch call.cause {
        case "handler_error": handlerError(call)
        case "init_error": initError(call)
        case "out_of_memory": outOfMemory(call)
        case "cpu_limit":
            "use fewer threads, or register it with a larger timeoutMs: the CPU time grows with it"
        case "wall_timeout": wallTimeout(call)
        case "crashed": crashed(call)
        case "exited": exited(call)
        case "response_too_large":
            "return less in one call: a part that the event names, or only what the caller needs"
        case "response_invalid":
            "make text, numbers, lists or objects of it before it is returned"
        case "cancelled": "call it again if it was not meant to be cancelled"
        case "expired":
            "let more calls of it run at once, or register it with a larger async.maxAgeMs"
        case "template_lost":
            "call it again: this was not the function's doing; if it happens often, the "
                + "evaluator's log says why"
        case "evaluator_lost": evaluatorLost(call)
        default: nil
        }
    }

    private static func handlerError(_ call: CallRecord) -> String {
        if let blocked = call.blocked { return without(blocked) }
        let again =
            call.dead == true ? "fnctl replay \(call.id)" : "fnctl invoke \(call.function)"
        return
            (CodePlace(call).map { "mend line \($0.line) of \($0.file)" }
            ?? "mend the handler") + " and register it; \(again) tries it again"
    }

    /// How to do without a system call.
    private static func without(_ blocked: String) -> String {
        let name = blocked.prefix { $0 != "(" }
        let way =
            switch name {
            case "socket", "connect", "bind", "listen":
                "a function has no network, so its event has to bring what it needs"
            case "fork", "vfork", "clone", "clone3", "execve", "execveat":
                "a function cannot start programs, so its bundle has to bring what it needs"
            default:
                "a function has no network, no other processes, and only /tmp to write to"
            }
        return "do without \(blocked): \(way)"
    }

    private static func initError(_ call: CallRecord) -> String {
        if call.blocked != nil { return handlerError(call) }
        let message = call.message ?? ""
        if ["ModuleNotFoundError", "ImportError"].contains(call.errorType)
            || message.contains("Cannot find module") || message.contains("Cannot find package")
        {
            return "put the module into the bundle: what is installed on the host is not visible "
                + "in a cell"
        }
        if let place = CodePlace(call) {
            return "mend line \(place.line) of \(place.file) and register it again"
        }
        return "see that the handler's file and the handler's name are in the bundle"
    }

    private static func outOfMemory(_ call: CallRecord) -> String {
        guard let limits = call.limits else { return "use less at a time" }
        let larger = "or register it with a larger memoryMB than \(limits.memoryMB)"
        // What was refused never came into use.
        return (call.peakMemoryBytes ?? .max) < limits.memoryMB << 19
            ? "it asked for more at once than was left: work in smaller pieces, \(larger)"
            : "use less at a time, \(larger)"
    }

    private static func wallTimeout(_ call: CallRecord) -> String {
        let limitMs = Double(call.limits?.timeoutMs ?? 0)
        let larger = "or register it with a larger timeoutMs than \(Int(limitMs))"
        // To start a call takes some CPU time; what has the machine to itself, nearly all.
        guard (call.cpuMs ?? 0) > min(max(20, limitMs / 10), limitMs / 2) else {
            return "it mostly waited: look for a sleep, or for input that never comes"
        }
        return call.runMs == 0
            ? "the time went into loading the code: import and compute less there, \(larger)"
            : "it was computing: do less in one call, \(larger)"
    }

    private static func crashed(_ call: CallRecord) -> String {
        guard call.signal != nil else {
            return "fnctl doctor says what is amiss on the evaluator's machine"
        }
        return (call.logBytes ?? 0) > 0
            ? "look for native code or deep recursion; the last log lines tell how far it came"
            : "look for native code or deep recursion; print before it to see how far it comes"
    }

    private static func exited(_ call: CallRecord) -> String {
        guard call.exitCode != 0 || call.runtime == "python" else {
            return "see that every promise settles and every callback is called: the process ends "
                + "when nothing is left to wait for"
        }
        let exit = call.runtime == "python" ? "sys.exit()" : "process.exit()"
        return "return a result, or raise an error, where it calls \(exit)"
    }

    private static func evaluatorLost(_ call: CallRecord) -> String {
        if call.startedAt == nil { return "call it again: it had not started" }
        let again = call.dead == true ? "replay it" : "call it again"
        return "\(again) if it may run twice: nobody knows how far it came"
    }
}
