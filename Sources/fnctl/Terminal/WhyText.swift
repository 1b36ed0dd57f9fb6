/// What became of a call, in words.
enum WhyText {
    static func sentence(_ call: CallRecord) -> String {
        let type = call.errorType.map { "\($0): " } ?? ""
        switch call.state {
        case "completed":
            return "It completed\(call.blocked.map { ", although \($0) was blocked" } ?? "")."
        case "queued":
            return AsyncText.waiting(call).map { "It waits: \($0)." } ?? "It waits for a free slot."
        case "running": return "It is running."
        default:
            let cause = call.cause.map { " (\($0))" } ?? ""
            let words = call.state == "timed_out" ? "timed out" : call.state
            return
                "It \(words == "cancelled" ? "was cancelled" : words)\(cause): \(type)\(call.message ?? "no reason is known")"
        }
    }

    /// What became of a function's latest calls, the newest first, one group a cause.
    static func summary(of function: String, _ calls: [CallRecord]) -> [String] {
        guard !calls.isEmpty else { return ["no calls of \(function) are remembered"] }
        let ended = calls.filter { $0.endedAt != nil }
        let failed = ended.filter { $0.cause != nil && $0.cause != "cancelled" }
        guard let newest = failed.first, let oldest = failed.last else {
            return ["none of the last \(ended.count) calls of \(function) failed"]
        }
        let causes = Set(failed.map { $0.cause ?? "" })
        let all = causes.count == 1 && failed.count > 1 ? ", all \(newest.cause ?? "")" : ""
        var lines = [
            "\(failed.count) of the last \(ended.count) calls of \(function) failed, since "
                + "\(Format.clock(oldest.queuedAt)) (\(Format.relative(oldest.queuedAt)))\(all)"
        ]
        let streak = ended.filter { $0.cause != "cancelled" }.prefix { $0.cause != nil }.count
        if streak > 1 { lines.append("the last \(streak) in a row") }
        let groups = Dictionary(grouping: failed) { $0.cause ?? "" }
        for (cause, group) in groups.sorted(by: {
            ($1.value.count, $0.key) < ($0.value.count, $1.key)
        }) {
            guard let example = group.first else { continue }
            lines.append("")
            lines.append(
                "\(group.count) \(cause), the newest \(Format.relative(example.queuedAt)):")
            lines.append("  \(example.errorType.map { "\($0): " } ?? "")\(example.message ?? "")")
            if let advice = advice(example) { lines.append("  try: \(advice)") }
        }
        lines += ["", "fnctl why \(newest.id) tells more of the newest"]
        return lines
    }

    /// What was used, against what was allowed.
    static func figures(_ call: CallRecord) -> [(String, String?)] {
        let limits = call.limits
        let wall = [call.startMs, call.initMs, call.runMs].compactMap { $0 }.reduce(0, +)
        return [
            (
                "time",
                call.runMs.map { _ in
                    Format.duration(ms: wall)
                        + (limits.map { " of \(Format.duration(ms: $0.timeoutMs))" } ?? "")
                }
            ),
            ("queued for", call.queueMs.map(Format.duration)),
            ("CPU", call.cpuMs.map(Format.duration)),
            (
                "memory",
                call.peakMemoryBytes.map {
                    Format.size(bytes: $0) + (limits.map { " of \($0.memoryMB) MB" } ?? "")
                }
            ),
            ("blocked", call.blocked),
        ]
    }

    /// What to do about a cause; `nil` where the message says it all.
    static func advice(_ call: CallRecord) -> String? {
        switch call.cause {
        case "handler_error" where call.blocked != nil:
            "do without \(call.blocked ?? "it"): a function has no network, no other processes, and only /tmp to write to"
        case "handler_error": "fix the line above; fnctl invoke \(call.function) tries it again"
        case "init_error":
            "see that the handler's file, its imports and the handler's name are in the bundle"
        case "out_of_memory":
            "use less at a time, or register it with a larger memoryMB than \(call.limits?.memoryMB ?? 0)"
        case "cpu_limit": "use fewer threads, or register it with a larger timeoutMs"
        case "wall_timeout":
            (call.cpuMs ?? 0) * 2 < Double(call.limits?.timeoutMs ?? 0)
                ? "it mostly waited: look for a sleep, or for input that never comes"
                : "it computed all the time: do less in one call, or register it with a larger timeoutMs"
        case "crashed":
            "look for native code or deep recursion; the last log lines tell how far it came"
        case "exited": "return a result, or raise an error, instead of ending the process"
        case "response_too_large": "return less, or in parts over several calls"
        case "response_invalid": "return what JSON can express"
        case "expired":
            "let more calls of it run at once, or register it with a larger async.maxAgeMs"
        case "cancelled": "call it again if it was not meant to be cancelled"
        case "template_lost", "evaluator_lost":
            "call it again: this was not the function's doing"
        default: nil
        }
    }
}
