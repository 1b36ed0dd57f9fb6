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

    /// - Parameter function: its name in the registry.
    static func group(of function: String) -> String {
        prefix + FunctionName(reading: function).local
    }

    /// The function whose group this is, as its region calls it.
    static func function(of group: String) -> String? {
        group.hasPrefix(prefix) ? String(group.dropFirst(prefix.count)) : nil
    }

    /// `2026/01/31/[$LATEST]` and a number that is the function's own, and another one after each change of its
    /// code or settings.
    static func stream(
        of function: String, version: String, registryVersion: Int, atMs milliseconds: Int64
    ) -> String {
        let day = Timestamp.text(milliseconds).prefix(10).replacingOccurrences(of: "-", with: "/")
        return "\(day)/[\(version)]\(fingerprint("\(function):\(registryVersion)"))"
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

    /// The lines of a call, and those that Lambda puts around each of its attempts.
    /// - Parameter printed: in the order written.
    static func lines(_ call: CallRecord, _ printed: [CallLogLine], version: String) -> [Line] {
        let id = LambdaRequestID.text(of: call.id)
        var lines: [Line] = []
        var rest = printed[...]
        func begin(_ start: Int64) {
            lines.append(Line(timeMs: start, text: "START RequestId: \(id) Version: \(version)\n"))
        }
        func end(_ run: LambdaRun) {
            if let text = run.failure(id) { lines.append(Line(timeMs: run.endedAtMs, text: text)) }
            lines.append(Line(timeMs: run.endedAtMs, text: "END RequestId: \(id)\n"))
            lines.append(Line(timeMs: run.endedAtMs, text: run.report(id)))
        }
        func take(_ taken: ArraySlice<CallLogLine>) {
            lines += taken.map { Line(timeMs: $0.timeMs, text: $0.text + "\n") }
            rest = rest[taken.endIndex...]
        }
        let attempts = call.async?.attempts ?? []
        for (place, attempt) in attempts.enumerated() {
            begin(attempt.startedAtMs ?? attempt.endedAtMs)
            // What comes before the next attempt is this one's.
            let next =
                place + 1 < attempts.count ? attempts[place + 1].startedAtMs : call.startedAtMs
            take(rest.prefix { line in next.map { line.timeMs < $0 } ?? true })
            end(LambdaRun(call, attempt))
        }
        guard attempts.isEmpty || call.startedAtMs != nil else { return lines }
        begin(call.startedAtMs ?? call.queuedAtMs)
        take(rest)
        if let run = LambdaRun(call) { end(run) }
        return lines
    }

    static func text(_ lines: [Line]) -> String { lines.map(\.text).joined() }
}
