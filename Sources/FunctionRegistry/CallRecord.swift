/// What is known of a call. Times are milliseconds since 1970 in UTC, durations milliseconds.
public struct CallRecord: Sendable, Equatable, Codable {
    public enum State: String, Sendable, Codable, CaseIterable {
        case queued, running, completed, failed
        case timedOut = "timed_out"
        case cancelled

        /// Whether the call is over.
        public var isFinal: Bool { self != .queued && self != .running }
    }

    /// See `CallIDGenerator`: sorts by time.
    public var id: String
    public var function: String
    public var version: Int
    public var runtime: FunctionRuntime
    public var state: State
    /// Why the call did not complete; only with `failed`, `timed_out` and `cancelled`.
    public var cause: String?
    public var message: String?
    public var errorType: String?
    public var stack: [String]?
    public var exitCode: Int?
    public var signal: String?
    /// The first system call that was denied.
    public var blocked: String?
    public var queuedAtMs: Int64
    public var startedAtMs: Int64?
    /// There exactly when the state is final.
    public var endedAtMs: Int64?
    public var queueMs: Double?
    public var startMs: Double?
    public var initMs: Double?
    public var runMs: Double?
    public var cpuMs: Double?
    public var peakMemoryBytes: Int?
    public var bytesIn: Int
    public var bytesOut: Int?
    public var logBytes: Int?
    public var logTruncated: Bool?
    public var timeoutMs: Int
    public var memoryMB: Int
    public var tmpMB: Int
    public var template: String?
    /// With calls that nobody waits for.
    public var async: AsyncState?
    /// Whether this is a dead letter: an asynchronous call that is over, has not completed, and can be
    /// replayed.
    public var isDead = false

    /// A call that waits for a cell.
    public init(id: String, function: FunctionVersion, bytesIn: Int, queuedAtMs: Int64) {
        self.id = id
        self.function = function.name
        version = function.version
        runtime = function.runtime
        state = .queued
        self.queuedAtMs = queuedAtMs
        self.bytesIn = bytesIn
        timeoutMs = function.timeoutMs
        memoryMB = function.memoryMB
        tmpMB = function.tmpMB
    }
}

/// What is known of an asynchronous call besides.
public struct AsyncState: Sendable, Equatable, Codable {
    /// An attempt that did not end the call.
    public struct Attempt: Sendable, Equatable, Codable {
        public var attempt: Int
        public var state: CallRecord.State
        public var cause: String?
        public var message: String?
        public var startedAtMs: Int64?
        public var endedAtMs: Int64
        // For its own lines in a log; missing in records of earlier releases.
        public var errorType: String?
        public var stack: [String]?
        public var initMs: Double?
        public var runMs: Double?
        public var peakMemoryBytes: Int?
    }

    /// Attempts that have begun.
    public var attempt = 0
    public var maxAttempts: Int
    /// Those before the latest.
    public var attempts: [Attempt] = []
    /// With a call that waits to be tried again.
    public var nextAttemptAtMs: Int64?
    /// The dead letter that this call repeats, and the call that repeats this one.
    public var replayOf: String?
    public var replayedAs: String?
    /// How many calls led to this one, each by its end, which a function was told of.
    public var hops: Int?
    /// The trace that the call belongs to, where its caller's API has such.
    public var trace: String?

    public init(maxAttempts: Int, replayOf: String? = nil) {
        self.maxAttempts = maxAttempts
        self.replayOf = replayOf
    }
}

extension CallRecord {
    /// Turns a call whose attempt has failed back into one that waits.
    mutating func retry(atMs: Int64, nowMs: Int64) {
        guard var async else { return }
        async.attempts.append(
            .init(
                attempt: async.attempt, state: state, cause: cause, message: message,
                startedAtMs: startedAtMs, endedAtMs: endedAtMs ?? nowMs,
                errorType: errorType, stack: stack, initMs: initMs, runMs: runMs,
                peakMemoryBytes: peakMemoryBytes))
        async.nextAttemptAtMs = atMs
        var fresh = self
        fresh.async = async
        fresh.clearOutcome()
        self = fresh
    }

    /// Turns a call that was claimed and not run back into one that waits.
    mutating func unclaim(atMs: Int64) {
        async?.attempt -= 1
        async?.nextAttemptAtMs = atMs
        clearOutcome()
    }

    private mutating func clearOutcome() {
        state = .queued
        (cause, message, errorType, stack) = (nil, nil, nil, nil)
        (exitCode, signal, blocked, template) = (nil, nil, nil, nil)
        (startedAtMs, endedAtMs) = (nil, nil)
        (queueMs, startMs, initMs, runMs, cpuMs) = (nil, nil, nil, nil, nil)
        (peakMemoryBytes, bytesOut, logBytes, logTruncated) = (nil, nil, nil, nil)
    }
}

/// One line that a call printed.
public struct CallLogLine: Sendable, Equatable {
    public enum Stream: String, Sendable, Codable { case stdout, stderr }
    /// Milliseconds since 1970 in UTC.
    public var timeMs: Int64
    public var stream: Stream
    /// Without the line's end.
    public var text: String

    public init(timeMs: Int64, stream: Stream, text: String) {
        self.timeMs = timeMs
        self.stream = stream
        self.text = text
    }
}

/// What a call printed, in the order written.
public struct CallLog: Sendable, Equatable {
    public var lines: [FoundLine]
    /// Whether there was more.
    public var truncated: Bool
}

/// Stored as `[time, "stdout", text]`: logs are most of the database, so their keys are left out.
extension CallLogLine: Codable {
    public init(from decoder: any Decoder) throws {
        var values = try decoder.unkeyedContainer()
        timeMs = try values.decode(Int64.self)
        stream = try values.decode(Stream.self)
        text = try values.decode(String.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.unkeyedContainer()
        try values.encode(timeMs)
        try values.encode(stream)
        try values.encode(text)
    }
}

/// Which calls a list has.
public struct CallFilter: Sendable, Equatable {
    public var function: String?
    public var state: CallRecord.State?
    /// Only dead letters.
    public var dead: Bool

    public init(function: String? = nil, state: CallRecord.State? = nil, dead: Bool = false) {
        self.function = function
        self.state = state
        self.dead = dead
    }

    func matches(_ record: CallRecord) -> Bool {
        (function == nil || function == record.function)
            && (state == nil || state == record.state) && (!dead || record.isDead)
    }
}

/// How much is kept of calls that are over.
public struct CallRetention: Sendable, Equatable {
    /// The newest records that are kept.
    public var records: Int
    /// Bytes of logs, as stored, that are kept; the oldest go first.
    public var logBytes: Int
    /// The same for one function.
    public var functionLogBytes: Int
    /// How long logs are kept, in milliseconds.
    public var logAgeMs: Int64
    /// Bytes of results, and of dead letters' events, that are kept.
    public var resultBytes: Int
    public var deadBytes: Int
    /// How long an idempotency key stands for its call, in milliseconds.
    public var keyAgeMs: Int64

    public init(
        records: Int = 1_000_000, logBytes: Int = 1 << 30, functionLogBytes: Int = 64 << 20,
        logAgeMs: Int64 = 14 * 86_400_000, resultBytes: Int = 1 << 30, deadBytes: Int = 1 << 30,
        keyAgeMs: Int64 = 86_400_000
    ) {
        self.records = records
        self.logBytes = logBytes
        self.functionLogBytes = functionLogBytes
        self.logAgeMs = logAgeMs
        self.resultBytes = resultBytes
        self.deadBytes = deadBytes
        self.keyAgeMs = keyAgeMs
    }
}

/// How much may wait in memory to be written. Beyond it, new calls are refused rather than lost.
public struct CallBacklogLimits: Sendable, Equatable {
    public var records: Int
    /// Bytes of log text.
    public var logBytes: Int

    public init(records: Int = 100_000, logBytes: Int = 64 << 20) {
        self.records = records
        self.logBytes = logBytes
    }
}
