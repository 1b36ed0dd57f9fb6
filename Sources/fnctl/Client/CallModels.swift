/// What is on record about a call.
struct CallRecord: Decodable, Sendable {
    struct Limits: Decodable, Sendable {
        let timeoutMs: Int
        let memoryMB: Int
        let tmpMB: Int
    }

    /// An attempt of an asynchronous call that has ended.
    struct Attempt: Decodable, Sendable {
        let attempt: Int
        let state: String
        let cause: String?
        let message: String?
        let startedAt: String?
        let endedAt: String?
    }

    /// What a queued call waits for.
    struct Waiting: Decodable, Sendable {
        let reason: String
        let place: Int?
        let message: String?
    }

    /// Whether its function's URL has been told of its end.
    struct Webhook: Decodable, Sendable {
        let state: String
        let attempts: Int?
        let lastError: String?
    }

    let id: String
    let function: String
    let version: Int
    let runtime: String?
    let state: String
    let cause: String?
    let message: String?
    let errorType: String?
    let stack: [String]?
    let exitCode: Int?
    let signal: String?
    let blocked: String?
    let queuedAt: String
    let startedAt: String?
    let endedAt: String?
    let queueMs: Double?
    let startMs: Double?
    let initMs: Double?
    let runMs: Double?
    let cpuMs: Double?
    let peakMemoryBytes: Int?
    let bytesIn: Int?
    let bytesOut: Int?
    let logBytes: Int?
    let logTruncated: Bool?
    let limits: Limits?
    let template: String?
    let async: Bool?
    let attempt: Int?
    let maxAttempts: Int?
    /// Those that ended before the latest one.
    let attempts: [Attempt]?
    let nextAttemptAt: String?
    let waiting: Waiting?
    let dead: Bool?
    let replayOf: String?
    let replayedAs: String?
    let webhook: Webhook?

    /// Whether its last attempt has ended.
    var isOver: Bool { state != "queued" && state != "running" }
}

/// A line that a call wrote to its standard output or error.
struct LogLine: Decodable, Sendable {
    let time: String
    let call: String?
    let function: String?
    let attempt: Int?
    let stream: String
    let level: String?
    let text: String
}

/// What a call wrote, in the order written.
struct CallLog: Decodable, Sendable {
    let lines: [LogLine]
    let truncated: Bool
}
