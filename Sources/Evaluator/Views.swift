import FunctionRegistry

/// A version of a function as the API shows it.
struct FunctionView: Encodable {
    private let name: String
    private let version: Int
    private let runtime: String
    private let handler: String
    private let codeSha256: String
    private let codeBytes: Int
    private let timeoutMs: Int
    private let memoryMB: Int
    private let tmpMB: Int
    private let env: [String: String]?
    private let secretEnv: [String]?
    private let concurrency: Int?
    private let async: AsyncSettings?
    private let isolation: String
    private let description: String?
    private let createdAt: String
    private let failing: Failing?

    private struct Failing: Encodable {
        var calls: Int
        var since: String
        var cause: String
    }

    init(_ function: FunctionVersion, failing: FailingFunction? = nil) {
        name = function.name
        version = function.version
        runtime = function.runtime.rawValue
        handler = function.handler
        codeSha256 = function.codeSha256
        codeBytes = function.codeBytes
        timeoutMs = function.timeoutMs
        memoryMB = function.memoryMB
        tmpMB = function.tmpMB
        env = function.environment.isEmpty ? nil : function.environment
        secretEnv = function.secretNames.isEmpty ? nil : function.secretNames
        concurrency = function.concurrency
        self.async = function.async
        isolation = function.isolation.rawValue
        description = function.description
        createdAt = Timestamp.text(function.createdAtMs)
        self.failing = failing.map {
            Failing(calls: $0.calls, since: Timestamp.text($0.sinceMs), cause: $0.cause)
        }
    }
}

/// A call's record as the API shows it.
struct CallView: Encodable {
    private struct Limits: Encodable {
        var timeoutMs: Int
        var memoryMB: Int
        var tmpMB: Int
    }

    private let id: String
    private let function: String
    private let version: Int
    private let runtime: String
    private let state: String
    private let cause: String?
    private let message: String?
    private let errorType: String?
    private let stack: [String]?
    private let exitCode: Int?
    private let signal: String?
    private let blocked: String?
    private let queuedAt: String
    private let startedAt: String?
    private let endedAt: String?
    private let queueMs: Double?
    private let startMs: Double?
    private let initMs: Double?
    private let runMs: Double?
    private let cpuMs: Double?
    private let peakMemoryBytes: Int?
    private let bytesIn: Int
    private let bytesOut: Int?
    private let logBytes: Int?
    private let logTruncated: Bool?
    private let limits: Limits
    private let template: String?
    private let async: Bool?
    private let attempt: Int?
    private let maxAttempts: Int?
    private let attempts: [Attempt]?
    private let nextAttemptAt: String?
    private let waiting: CallWaitingView?
    private let dead: Bool?
    private let replayOf: String?
    private let replayedAs: String?
    private let webhook: WebhookState?

    private struct Attempt: Encodable {
        var attempt: Int
        var state: String
        var cause: String?
        var message: String?
        var startedAt: String?
        var endedAt: String
    }

    /// - Parameter withStack: lists leave it out.
    init(
        _ call: CallRecord, withStack: Bool, waiting: CallWaitingView? = nil,
        webhook: WebhookState? = nil
    ) {
        id = call.id
        function = call.function
        version = call.version
        runtime = call.runtime.rawValue
        state = call.state.rawValue
        cause = call.cause
        message = call.message
        errorType = call.errorType
        stack = withStack ? call.stack : nil
        exitCode = call.exitCode
        signal = call.signal
        blocked = call.blocked
        queuedAt = Timestamp.text(call.queuedAtMs)
        startedAt = call.startedAtMs.map(Timestamp.text)
        endedAt = call.endedAtMs.map(Timestamp.text)
        queueMs = call.queueMs
        startMs = call.startMs
        initMs = call.initMs
        runMs = call.runMs
        cpuMs = call.cpuMs
        peakMemoryBytes = call.peakMemoryBytes
        bytesIn = call.bytesIn
        bytesOut = call.bytesOut
        logBytes = call.logBytes
        logTruncated = call.logTruncated
        limits = Limits(timeoutMs: call.timeoutMs, memoryMB: call.memoryMB, tmpMB: call.tmpMB)
        template = call.template
        self.async = call.async.map { _ in true }
        attempt = call.async?.attempt
        maxAttempts = call.async?.maxAttempts
        let earlier = call.async?.attempts ?? []
        attempts =
            earlier.isEmpty
            ? nil
            : earlier.map {
                Attempt(
                    attempt: $0.attempt, state: $0.state.rawValue, cause: $0.cause,
                    message: $0.message, startedAt: $0.startedAtMs.map(Timestamp.text),
                    endedAt: Timestamp.text($0.endedAtMs))
            }
        nextAttemptAt = call.async?.nextAttemptAtMs.map(Timestamp.text)
        self.waiting = waiting
        dead = call.isDead ? true : nil
        replayOf = call.async?.replayOf
        replayedAs = call.async?.replayedAs
        self.webhook = webhook
    }
}

/// Why a queued call waits.
struct CallWaitingView: Encodable, Sendable {
    var reason: String
    var place: Int
    var message: String
}
