/// What is on record about an asynchronous call besides, in words.
enum AsyncText {
    /// `2 of 3`, `none of 3`; nil for a call that has no attempts.
    static func attempt(_ call: CallRecord) -> String? {
        guard let attempt = call.attempt else { return nil }
        return (attempt == 0 ? "none" : "\(attempt)") + (call.maxAttempts.map { " of \($0)" } ?? "")
    }

    /// What a queued call waits for, and its place among its function's.
    static func waiting(_ call: CallRecord) -> String? {
        guard let waiting = call.waiting else { return nil }
        let what = waiting.message ?? waiting.reason
        guard let place = waiting.place else { return what }
        return what + (place == 1 ? "; it is next" : "; it is number \(place) in line")
    }

    /// The attempts before the latest one, a line each.
    static func attempts(_ call: CallRecord) -> [String] {
        (call.attempts ?? []).map { attempt in
            let time = attempt.endedAt.map { ", \(Format.clock($0, seconds: true))" } ?? ""
            let words = attempt.state == "timed_out" ? "timed out" : attempt.state
            let message = attempt.message.map { ": \($0)" } ?? ""
            let cause = attempt.cause.map { " (\($0))" } ?? ""
            return "attempt \(attempt.attempt) \(words)\(cause)\(time)\(message)"
        }
    }

    /// Names and values, for a table.
    static func pairs(_ call: CallRecord) -> [(String, String?)] {
        [
            ("attempt", attempt(call)),
            (
                "next attempt",
                call.nextAttemptAt.map { "\(Format.ahead($0)) (\($0))" }
            ),
            ("replay of", call.replayOf),
            ("replayed as", call.replayedAs),
            ("webhook", call.webhook.map(webhook)),
        ]
    }

    private static func webhook(_ webhook: CallRecord.Webhook) -> String {
        let count = webhook.attempts ?? 0
        let tries = count == 0 ? "" : " after \(count) attempt\(count == 1 ? "" : "s")"
        return webhook.state + tries + (webhook.lastError.map { ": \($0)" } ?? "")
    }

    /// What to do with a dead letter.
    static func replay(_ call: CallRecord) -> String? {
        guard call.dead == true else { return nil }
        return "It is a dead letter: fnctl replay \(call.id) calls \(call.function) once more "
            + "with its event"
    }
}
