import Foundation
import FunctionRegistry

/// What calls of a version print, as CloudWatch Logs has it: a group for a function or for several, a stream for a
/// version and day, and lines around those of each call.
struct LambdaLogs: Sendable {
    struct Line: Sendable, Equatable {
        var timeMs: Int64
        var text: String
    }

    /// `$LATEST` or a number.
    let version: String
    let logging: LambdaLogging

    /// - Parameter function: `nil` for one that is gone.
    init(_ function: CallableFunction?) {
        version =
            function.map { $0.surroundings?.version ?? String($0.version.version) } ?? "$LATEST"
        logging = function?.surroundings?.logging ?? LambdaLogging()
    }

    // MARK: Names

    private static let prefix = "/aws/lambda/"

    /// A function's own group.
    /// - Parameter function: its name in the registry.
    static func group(of function: String) -> String {
        prefix + FunctionName(reading: function).local
    }

    /// The function whose own group this is, as its region calls it.
    static func function(of group: String) -> String? {
        group.hasPrefix(prefix) ? String(group.dropFirst(prefix.count)) : nil
    }

    /// `2026/01/31/[$LATEST]` and a number that is the function's own, and another one after each change of its
    /// code or settings. In a group that is not its own the function's name is in front of the version.
    static func stream(
        of function: String, version: String, registryVersion: Int, group: String,
        atMs milliseconds: Int64
    ) -> String {
        let day = Timestamp.text(milliseconds).prefix(10).replacingOccurrences(of: "-", with: "/")
        let name = group == Self.group(of: function) ? "" : FunctionName(reading: function).local
        return "\(day)/\(name)[\(version)]\(fingerprint("\(function):\(registryVersion)"))"
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

    // MARK: Lines

    /// The lines of a call, and those that Lambda puts around each of its attempts.
    /// - Parameter printed: in the order written.
    func lines(_ call: CallRecord, _ printed: [CallLogLine]) -> [Line] {
        let says: any LambdaLogSayings =
            logging.format == .json
            ? JSONLogSayings(call, version, logging) : TextLogSayings(call, version)
        var lines: [Line] = []
        var rest = printed[...]
        func add(_ text: String?, _ time: Int64) {
            if let text { lines.append(Line(timeMs: time, text: text + "\n")) }
        }
        func take(_ taken: ArraySlice<CallLogLine>) {
            for line in taken where logging.keeps(printed: line.text) {
                add(line.text, line.timeMs)
            }
            rest = rest[taken.endIndex...]
        }
        func end(_ run: LambdaRun) {
            for text in says.end(run) { add(text, run.endedAtMs) }
        }
        let attempts = call.async?.attempts ?? []
        for (place, attempt) in attempts.enumerated() {
            let start = attempt.startedAtMs ?? attempt.endedAtMs
            add(says.start(atMs: start), start)
            // What comes before the next attempt is this one's.
            let next =
                place + 1 < attempts.count ? attempts[place + 1].startedAtMs : call.startedAtMs
            take(rest.prefix { line in next.map { line.timeMs < $0 } ?? true })
            end(LambdaRun(call, attempt))
        }
        guard attempts.isEmpty || call.startedAtMs != nil else { return lines }
        let start = call.startedAtMs ?? call.queuedAtMs
        add(says.start(atMs: start), start)
        take(rest)
        if let run = LambdaRun(call) { end(run) }
        return lines
    }

    static func text(_ lines: [Line]) -> String { lines.map(\.text).joined() }
}
