import Foundation
import FunctionRegistry

/// What the platform itself writes into the log of a call.
protocol LambdaLogSayings {
    /// - Returns: `nil` for nothing.
    func start(atMs time: Int64) -> String?
    /// Of an attempt that is over.
    func end(_ run: LambdaRun) -> [String]
}

/// The log format `Text`.
struct TextLogSayings: LambdaLogSayings {
    private let id: String
    private let version: String

    init(_ call: CallRecord, _ version: String) {
        id = LambdaRequestID.text(of: call.id)
        self.version = version
    }

    func start(atMs time: Int64) -> String? { "START RequestId: \(id) Version: \(version)" }

    func end(_ run: LambdaRun) -> [String] {
        var lines = run.cause.map { [failure(run, $0)] } ?? []
        lines.append("END RequestId: \(id)")
        lines.append(report(run))
        return lines
    }

    private func failure(_ run: LambdaRun, _ cause: String) -> String {
        if run.isTimeout {
            return "\(Timestamp.text(run.endedAtMs)) \(id) Task timed out after "
                + "\(Self.hundredths(Double(run.timeoutMs) / 1000)) seconds\n"
        }
        guard run.isError else { return "RequestId: \(id) Error: \(run.message ?? cause)" }
        return run.runtime == .python
            ? pythonError(run) : nodeError(run, isInit: cause == "init_error")
    }

    private func pythonError(_ run: LambdaRun) -> String {
        let what = [run.errorType, run.message].compactMap { $0 }.filter { !$0.isEmpty }
        var lines = ["[ERROR] " + what.joined(separator: ": ")]
        lines.append("Traceback (most recent call last):")
        lines += run.trace.flatMap { $0.split(separator: "\n") }.map(Self.indented)
        return lines.joined(separator: "\n")
    }

    /// As Lambda's Python runtime has it, so that consoles leave the blanks in front of a line alone.
    private static func indented(_ line: Substring) -> String {
        let text = line.drop { $0 == " " }
        return String(repeating: "\u{A0}", count: line.count - text.count) + text
    }

    /// Time, id, level and the error as JSON, between tabs.
    private func nodeError(_ run: LambdaRun, isInit: Bool) -> String {
        let error: JSONValue = [
            "errorType": .string(run.errorType ?? "Error"),
            "errorMessage": .string(run.message ?? ""), "stack": .list(run.trace),
        ]
        let title = isInit ? "Uncaught Exception" : "Invoke Error"
        return [Timestamp.text(run.endedAtMs), id, "ERROR", title + " ", error.text]
            .joined(separator: "\t")
    }

    private func report(_ run: LambdaRun) -> String {
        var text = "REPORT RequestId: \(id)\tDuration: \(Self.hundredths(run.runMs)) ms\t"
        text += "Billed Duration: \(run.billedMs) ms\t"
        text += "Memory Size: \(run.memoryMB) MB\tMax Memory Used: \(run.usedMB) MB\t"
        if run.initMs > 0 { text += "Init Duration: \(Self.hundredths(run.initMs)) ms\t" }
        return text
    }

    private static func hundredths(_ number: Double) -> String {
        String(format: "%.2f", number)
    }
}

/// The log format `JSON`: a record of one line for each event (docs.aws.amazon.com/lambda/latest/dg, "Lambda Telemetry
/// API Event schema reference" and "Log-level filtering").
struct JSONLogSayings: LambdaLogSayings {
    private let id: String
    private let version: String
    private let logging: LambdaLogging

    init(_ call: CallRecord, _ version: String, _ logging: LambdaLogging) {
        id = LambdaRequestID.text(of: call.id)
        self.version = version
        self.logging = logging
    }

    func start(atMs time: Int64) -> String? {
        platform("start", "INFO", time, ["version": .string(version)])
    }

    func end(_ run: LambdaRun) -> [String] {
        [run.cause.map { failure(run, $0) }, done(run), report(run)].compactMap { $0 }
    }

    private func failure(_ run: LambdaRun, _ cause: String) -> String {
        var record: [String: JSONValue] = [
            "timestamp": .string(Timestamp.text(run.endedAtMs)), "level": "ERROR",
            "requestId": .string(id),
        ]
        guard run.isError else {
            let text = run.isTimeout ? "Task timed out after \(run.timeoutMs) ms" : run.message
            record["message"] = .string(text ?? cause)
            return JSONValue.object(record).text
        }
        let error: [String: JSONValue] = [
            "errorType": .string(run.errorType ?? "Error"),
            "errorMessage": .string(run.message ?? ""),
            "stackTrace": .list(run.trace),
        ]
        // As the two runtimes have it.
        if run.runtime == .python {
            record.merge(error) { one, _ in one }
        } else {
            record["message"] = .object(error)
        }
        return JSONValue.object(record).text
    }

    private func done(_ run: LambdaRun) -> String? {
        platform(
            "runtimeDone", run.cause == nil ? "DEBUG" : "WARN", run.endedAtMs,
            ["status": status(run), "metrics": ["durationMs": .double(Self.rounded(run.runMs))]])
    }

    private func report(_ run: LambdaRun) -> String? {
        var metrics: [String: JSONValue] = [
            "durationMs": .double(Self.rounded(run.runMs)),
            "billedDurationMs": .int(run.billedMs), "memorySizeMB": .int(run.memoryMB),
            "maxMemoryUsedMB": .int(run.usedMB),
        ]
        if run.initMs > 0 { metrics["initDurationMs"] = .double(Self.rounded(run.initMs)) }
        return platform(
            "report", run.cause == nil ? "INFO" : "WARN", run.endedAtMs,
            ["status": status(run), "metrics": .object(metrics)])
    }

    private func status(_ run: LambdaRun) -> JSONValue {
        run.cause == nil ? "success" : run.isTimeout ? "timeout" : run.isError ? "error" : "failure"
    }

    private func platform(
        _ type: String, _ level: String, _ time: Int64, _ fields: [String: JSONValue]
    ) -> String? {
        guard logging.keeps(system: level) else { return nil }
        var record = fields
        record["requestId"] = .string(id)
        return JSONValue.object([
            "time": .string(Timestamp.text(time)), "type": .string("platform.\(type)"),
            "record": .object(record),
        ]).text
    }

    private static func rounded(_ milliseconds: Double) -> Double {
        (milliseconds * 1000).rounded() / 1000
    }
}
