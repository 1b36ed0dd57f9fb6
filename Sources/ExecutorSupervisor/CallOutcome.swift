import NIOCore

/// Why a call did not complete. The raw values are the API's.
public enum CallCause: String, Sendable, Codable, CaseIterable {
    case handlerError = "handler_error"
    case initError = "init_error"
    case outOfMemory = "out_of_memory"
    case cpuLimit = "cpu_limit"
    case wallTimeout = "wall_timeout"
    case crashed
    case exited
    case responseTooLarge = "response_too_large"
    case responseInvalid = "response_invalid"
    case cancelled
    /// It waited longer than it may.
    case expired
    case templateLost = "template_lost"
    case evaluatorLost = "evaluator_lost"
}

public enum CallState: String, Sendable, Codable {
    case queued, running, completed, failed
    case timedOut = "timed_out"
    case cancelled
}

extension CallCause {
    /// What a message has in front of the executor's own words.
    private var explanation: String {
        switch self {
        case .initError: "the code did not load: "
        case .responseInvalid: "the result is not JSON: "
        default: ""
        }
    }

    func explaining(_ words: String) -> String { explanation + words }

    /// The executor's own words of a message; all of one that has no others.
    public func said(_ message: String) -> String {
        message.hasPrefix(explanation) ? String(message.dropFirst(explanation.count)) : message
    }
}

/// What went wrong, in words and in parts.
public struct CallFailure: Sendable, Equatable {
    public var cause: CallCause
    /// One line that a user understands.
    public var message: String
    /// The exception's class, where there was one.
    public var errorType: String?
    /// The user's frames, outermost first in Python and innermost first in JavaScript; then those of the errors
    /// that it was caused by, each behind a line that begins with `causedBy`.
    public var stack: [String]
    public static let causedBy = "caused by "
    /// With `exited`: the process's exit code.
    public var exitCode: Int?
    /// With `crashed`: the signal's name, for example `SIGSEGV`.
    public var signal: String?

    public init(
        cause: CallCause, message: String, errorType: String? = nil, stack: [String] = [],
        exitCode: Int? = nil, signal: String? = nil
    ) {
        self.cause = cause
        self.message = message
        self.errorType = errorType
        self.stack = stack
        self.exitCode = exitCode
        self.signal = signal
    }

    /// The state that the cause leads to.
    public var state: CallState {
        switch cause {
        case .wallTimeout: .timedOut
        case .cancelled: .cancelled
        default: .failed
        }
    }
}

/// The answer to a call: known as soon as the cell has answered or is known not to.
public struct CallReply: Sendable {
    public enum Result: Sendable {
        /// The handler's result, JSON text, as the cell sent it.
        case completed(ByteBuffer)
        case failed(CallFailure)
    }
    public var result: Result
    /// Milliseconds from handing the call to a cell until its answer.
    public var runMs: Double

    public init(result: Result, runMs: Double) {
        self.result = result
        self.runMs = runMs
    }
}

/// One line that the call printed.
public struct LogLine: Sendable, Equatable {
    public enum Stream: String, Sendable, Codable { case stdout, stderr }
    /// Milliseconds since 1970 in UTC, when the supervisor received it.
    public var timeMs: Int64
    public var stream: Stream
    /// Without the line's end; invalid UTF-8 is replaced by U+FFFD.
    public var text: String

    public init(timeMs: Int64, stream: Stream, text: String) {
        self.timeMs = timeMs
        self.stream = stream
        self.text = text
    }
}

/// Everything that is known of a call once its cell is gone.
public struct CallReport: Sendable {
    public var id: String
    public var function: String
    /// The handler's result, when the call completed.
    public var result: ByteBuffer?
    /// `nil` when the call completed.
    public var failure: CallFailure?
    /// Milliseconds since 1970 in UTC; 0 when the call never started.
    public var startedAtMs: Int64
    /// Milliseconds since 1970 in UTC.
    public var endedAtMs: Int64
    /// Waiting for a cell; handing over and confining; loading the code; the handler. Milliseconds.
    public var queueMs: Double
    public var startMs: Double
    public var initMs: Double
    public var runMs: Double
    /// CPU time of the whole cell, user and system, in milliseconds.
    public var cpuMs: Double
    public var peakMemoryBytes: Int
    public var bytesIn: Int
    public var bytesOut: Int
    /// Bytes that the call printed, kept or not.
    public var logBytes: Int
    public var logTruncated: Bool
    public var log: [LogLine]
    /// The first system call that was denied, for example `socket(AF_INET, SOCK_STREAM)`.
    public var blocked: String?
    /// The template that the cell was forked from, for example `python-1`.
    public var template: String

    public init(
        id: String, function: String, result: ByteBuffer?, failure: CallFailure?,
        startedAtMs: Int64, endedAtMs: Int64, queueMs: Double,
        startMs: Double, initMs: Double, runMs: Double, cpuMs: Double, peakMemoryBytes: Int,
        bytesIn: Int, bytesOut: Int, logBytes: Int, logTruncated: Bool, log: [LogLine],
        blocked: String?, template: String
    ) {
        self.id = id
        self.function = function
        self.result = result
        self.failure = failure
        self.startedAtMs = startedAtMs
        self.endedAtMs = endedAtMs
        self.queueMs = queueMs
        self.startMs = startMs
        self.initMs = initMs
        self.runMs = runMs
        self.cpuMs = cpuMs
        self.peakMemoryBytes = peakMemoryBytes
        self.bytesIn = bytesIn
        self.bytesOut = bytesOut
        self.logBytes = logBytes
        self.logTruncated = logTruncated
        self.log = log
        self.blocked = blocked
        self.template = template
    }
}

/// A call that was not taken.
public enum CallRejection: Error, Sendable, Equatable {
    /// No slot is free and the queue is full; try again after this many seconds.
    case queueFull(retryAfterSeconds: Int)
    /// The runtime's template cannot serve now; the reason in words.
    case notReady(runtime: Runtime, reason: String)
    case stopping
}
