import Foundation

/// An asynchronous call that waits for an attempt.
public struct WaitingCall: Sendable, Equatable {
    public var id: String
    public var function: String
    public var runtime: FunctionRuntime
    /// The function's own limit of calls at once.
    public var concurrency: Int?
    /// Milliseconds since 1970 in UTC.
    public var dueAtMs: Int64
    public var expiresAtMs: Int64
    public var bytes: Int

    public init(
        id: String, function: String, runtime: FunctionRuntime, concurrency: Int?, dueAtMs: Int64,
        expiresAtMs: Int64,
        bytes: Int
    ) {
        self.id = id
        self.function = function
        self.runtime = runtime
        self.concurrency = concurrency
        self.dueAtMs = dueAtMs
        self.expiresAtMs = expiresAtMs
        self.bytes = bytes
    }
}

/// The event of an asynchronous call, with what holds for the call whatever becomes of its function's settings.
public struct AcceptedEvent: Sendable {
    public var bytes: Data
    public var settings: AsyncSettings

    public init(_ bytes: Data, _ settings: AsyncSettings) {
        self.bytes = bytes
        self.settings = settings
    }

    /// After this no attempt begins.
    public func expiresAtMs(of record: CallRecord) -> Int64 {
        record.queuedAtMs + Int64(settings.maxAgeMs)
    }
}

/// A call whose next attempt has been counted.
public struct ClaimedCall: Sendable {
    public var record: CallRecord
    public var event: Data
    /// Those that it was accepted with.
    public var settings: AsyncSettings
}

/// What an attempt of an asynchronous call leads to.
public enum AttemptOutcome: Sendable {
    /// The call is over; its result, when it completed.
    case over(result: Data?)
    /// It is over, has not completed, and its event is kept.
    case dead
    /// It is tried again.
    case retry(atMs: Int64)
    /// The attempt never began.
    case returned(atMs: Int64)
}

extension CallEnd {
    /// What the end of an attempt leaves behind; the record, with the attempt's outcome filled in, becomes
    /// what the call is then.
    init(
        of record: inout CallRecord, _ outcome: AttemptOutcome, log: [CallLogLine] = [],
        webhookURL: String?
    ) {
        self.init(log: log, attempt: record.async?.attempt ?? 1)
        switch outcome {
        case .over(let result):
            event = .removed
            self.result = result
            self.webhookURL = webhookURL
        case .dead:
            record.isDead = true
            event = .dead
            self.webhookURL = webhookURL
        case .retry(let atMs):
            record.retry(atMs: atMs, nowMs: currentTimeMs())
            event = .waits(untilMs: atMs)
        case .returned(let atMs):
            record.unclaim(atMs: atMs)
            event = .waits(untilMs: atMs)
        }
    }
}
