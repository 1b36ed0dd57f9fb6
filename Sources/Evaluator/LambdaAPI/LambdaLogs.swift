import Foundation
import FunctionRegistry

/// What calls print, as CloudWatch Logs has it: a group a function, a stream a version and day, and lines
/// around those of each call.
enum LambdaLogs {
    struct Line: Sendable, Equatable {
        var timeMs: Int64
        var text: String
    }

    private static let prefix = "/aws/lambda/"

    static func group(of function: String) -> String { prefix + function }

    /// The function whose group this is.
    static func function(of group: String) -> String? {
        group.hasPrefix(prefix) ? String(group.dropFirst(prefix.count)) : nil
    }

    /// `2026/01/31/[$LATEST]` and a number that is the function's own.
    static func stream(of function: String, version: String, atMs milliseconds: Int64) -> String {
        let day = Timestamp.text(milliseconds).prefix(10).replacingOccurrences(of: "-", with: "/")
        return "\(day)/[\(version)]\(fingerprint(function))"
    }

    /// FNV-1a (Fowler, Noll, Vo) of the name, twice with different starts: looks like what Lambda has there.
    private static func fingerprint(_ name: String) -> String {
        func hash(_ start: UInt64) -> String {
            let value = name.utf8.reduce(start) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
            let hex = String(value, radix: 16)
            return String(repeating: "0", count: 16 - hex.count) + hex
        }
        return hash(0xcbf2_9ce4_8422_2325) + hash(0x9ae1_6a3b_2f90_404f)
    }

    /// The version that a call's environment names.
    static func version(_ function: CallableFunction) -> String {
        function.surroundings?.environment["AWS_LAMBDA_FUNCTION_VERSION"]
            ?? String(function.version.version)
    }

    /// The lines of a call, and those that Lambda puts around them.
    static func lines(_ call: CallRecord, _ printed: [CallLogLine], version: String) -> [Line] {
        let id = LambdaRequestID.text(of: call.id)
        let start = call.startedAtMs ?? call.queuedAtMs
        var lines = [Line(timeMs: start, text: "START RequestId: \(id) Version: \(version)\n")]
        lines += printed.map { Line(timeMs: $0.timeMs, text: $0.text + "\n") }
        guard call.state.isFinal, let end = call.endedAtMs else { return lines }
        lines += failure(call, id, end)
        lines.append(Line(timeMs: end, text: "END RequestId: \(id)\n"))
        lines.append(Line(timeMs: end, text: report(call, id)))
        return lines
    }

    private static func failure(_ call: CallRecord, _ id: String, _ end: Int64) -> [Line] {
        guard let cause = call.cause else { return [] }
        let text =
            switch cause {
            case "wall_timeout":
                "\(Timestamp.text(end)) \(id) Task timed out after "
                    + "\(hundredths(Double(call.timeoutMs) / 1000)) seconds\n\n"
            case "handler_error", "init_error":
                ([
                    "[ERROR] "
                        + [call.errorType, call.message].compactMap { $0 }.joined(separator: ": ")
                ]
                    + (call.runtime == .python && call.stack?.isEmpty == false
                        ? ["Traceback (most recent call last):"] : [])
                    + (call.stack ?? []).map { "  \($0)" }).joined(separator: "\n") + "\n"
            default: "RequestId: \(id) Error: \(call.message ?? cause)\n"
            }
        return [Line(timeMs: end, text: text)]
    }

    private static func report(_ call: CallRecord, _ id: String) -> String {
        let duration = max(0, call.runMs ?? 0)
        let initMs = call.initMs ?? 0
        let memory = ((call.peakMemoryBytes ?? 0) + (1 << 20) - 1) >> 20
        var text = "REPORT RequestId: \(id)\tDuration: \(hundredths(duration)) ms\t"
        text += "Billed Duration: \(Int((duration + initMs).rounded(.up))) ms\t"
        text += "Memory Size: \(call.memoryMB) MB\tMax Memory Used: \(memory) MB\t"
        if initMs > 0 { text += "Init Duration: \(hundredths(initMs)) ms\t" }
        return text + "\n"
    }

    private static func hundredths(_ number: Double) -> String {
        String(format: "%.2f", number)
    }

    static func text(_ lines: [Line]) -> String { lines.map(\.text).joined() }
}
