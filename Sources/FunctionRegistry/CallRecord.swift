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

    public init(function: String? = nil, state: CallRecord.State? = nil) {
        self.function = function
        self.state = state
    }

    func matches(_ record: CallRecord) -> Bool {
        (function == nil || function == record.function) && (state == nil || state == record.state)
    }
}

/// How much is kept of calls that are over.
public struct CallRetention: Sendable, Equatable {
    /// The newest records that are kept.
    public var records: Int
    /// Bytes of logs, as stored, that are kept; the oldest go first.
    public var logBytes: Int

    public init(records: Int = 1_000_000, logBytes: Int = 1 << 30) {
        self.records = records
        self.logBytes = logBytes
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
