import Foundation

/// What became of a call, in words.
enum WhyText {
    static func sentence(_ call: CallRecord) -> String {
        switch call.state {
        case "completed":
            return "It completed\(call.blocked.map { ", although \($0) was blocked" } ?? "")."
        case "queued":
            return AsyncText.waiting(call).map { "It waits: \($0)." } ?? "It waits for a free slot."
        case "running": return "It is running."
        case "cancelled": return cancelled(call)
        default:
            let cause = call.cause.map { " (\($0))" } ?? ""
            let words = call.state == "timed_out" ? "timed out" : call.state
            return "It \(words)\(cause): \(reason(call))"
        }
    }

    private static func cancelled(_ call: CallRecord) -> String {
        // What is cancelled as a rule says no more than that it was.
        if let message = call.message, message != "the call was cancelled" {
            return "It was cancelled: \(message)"
        }
        return call.startedAt == nil
            ? "It was cancelled before it started." : "It was cancelled while it ran."
    }

    /// The message with the exception's class before it.
    static func reason(_ call: CallRecord) -> String {
        guard let message = call.message else { return call.errorType ?? "no reason is known" }
        return (call.errorType.map { "\($0): " } ?? "") + message
    }

    /// The frames of the function's own code, and of others how many there are.
    static func stack(_ call: CallRecord) -> [String] {
        var lines: [String] = []
        var others = 0
        func addOthers() {
            guard others > 0 else { return }
            lines.append("… \(others) frame\(others == 1 ? "" : "s") outside the function")
            others = 0
        }
        for frame in call.stack ?? [] {
            if CodePlace.isOwn(frame) || frame.hasPrefix("caused by ") {
                addOthers()
                lines.append(frame)
            } else {
                others += 1
            }
        }
        addOthers()
        return lines
    }

    /// What was used, against what was allowed.
    static func figures(_ call: CallRecord) -> [(String, String?)] {
        guard call.cause != "evaluator_lost", call.startedAt != nil || call.endedAt == nil else {
            return times(call)
        }
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
            (
                "CPU",
                // Nobody knows it of a cell that went with its template.
                call.cpuMs.flatMap { $0 > 0 ? $0 : nil }.map {
                    Format.duration(ms: $0)
                        + (limits.map { " of \(Format.duration(ms: cpuLimitMs($0)))" } ?? "")
                }
            ),
            (
                "memory",
                call.peakMemoryBytes.map {
                    Format.size(bytes: $0) + (limits.map { " of \($0.memoryMB) MB" } ?? "")
                }
            ),
            ("blocked", call.blocked),
        ]
    }

    /// Of a call that nothing was measured of.
    private static func times(_ call: CallRecord) -> [(String, String?)] {
        let clock = { (time: String) in Format.clock(time, seconds: true) }
        let waited: Double? =
            switch (Format.date(call.queuedAt), call.endedAt.flatMap { Format.date($0) }) {
            case (let queued?, let ended?) where call.startedAt == nil:
                ended.timeIntervalSince(queued) * 1000
            default: nil
            }
        return [
            ("queued", clock(call.queuedAt)),
            ("started", call.startedAt.map(clock)),
            call.cause == "evaluator_lost"
                ? ("settled", call.endedAt.map { "\(clock($0)), by the next evaluator" })
                : ("waited", waited.map(Format.duration)),
        ]
    }

    /// The wall time in whole seconds, rounded up, and one second more.
    private static func cpuLimitMs(_ limits: CallRecord.Limits) -> Int {
        ((limits.timeoutMs + 999) / 1000 + 1) * 1000
    }
}
