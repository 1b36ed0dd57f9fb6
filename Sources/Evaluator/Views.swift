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
    private let description: String?
    private let createdAt: String

    init(_ function: FunctionVersion) {
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
        description = function.description
        createdAt = Timestamp.text(function.createdAtMs)
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

    /// - Parameter withStack: lists leave it out.
    init(_ call: CallRecord, withStack: Bool) {
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
    }
}

/// What a call printed, as the API shows it.
struct LogView: Encodable {
    private struct Line: Encodable {
        var time: String
        var stream: String
        var text: String
    }

    private let lines: [Line]
    private let truncated: Bool

    init(_ log: (lines: [CallLogLine], truncated: Bool)) {
        lines = log.lines.map {
            Line(time: Timestamp.text($0.timeMs), stream: $0.stream.rawValue, text: $0.text)
        }
        truncated = log.truncated
    }
}
