/// The exit statuses of fnctl, so that scripts can tell what happened.
enum ExitStatus: Int32, Sendable {
    case completed = 0
    /// The function failed, a case failed, or the API refused the request.
    case failed = 1
    /// The command line or one of the files it names is wrong.
    case usage = 2
    /// No evaluator answered at the endpoint.
    case unreachable = 3
    /// The call reached its time limit; the same number as timeout(1) uses.
    case timedOut = 124
    /// Stopped by the user: 128 + SIGINT, as shells say it.
    case interrupted = 130
    /// The reader of the output has gone: 128 + SIGPIPE.
    case brokenPipe = 141
}

/// Why a command ends early: what to tell the user, and the exit status.
struct Failure: Error, Sendable, CustomStringConvertible {
    /// In lower case: what was wrong, where, and what to do. Nil when it was already printed.
    let message: String?
    let status: ExitStatus
    /// When the evaluator asked to be tried again later: after how long.
    let retryAfterSeconds: Int?

    init(_ message: String?, status: ExitStatus = .failed, retryAfterSeconds: Int? = nil) {
        self.message = message
        self.status = status
        self.retryAfterSeconds = retryAfterSeconds
    }

    static func usage(_ message: String) -> Failure { Failure(message, status: .usage) }

    var description: String { message ?? "exit status \(status.rawValue)" }
}
