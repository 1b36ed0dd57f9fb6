import Foundation

/// Durations, sizes and times as people read them.
enum Format {
    /// `0.43 ms`, `12.5 ms`, `3 s`, `2 min 5 s`, `6 h`, `1 d 12 h`.
    static func duration(ms: Double) -> String {
        if ms < 1 { return trimmed(ms, places: 2) + " ms" }
        if ms < 100 { return trimmed(ms, places: 1) + " ms" }
        if ms < 999.5 { return trimmed(ms, places: 0) + " ms" }
        if ms < 59_950 { return trimmed(ms / 1000, places: 1) + " s" }
        let seconds = Int((min(ms, 1e15) / 1000).rounded())
        if seconds < 3600 { return pair(seconds, (60, "min"), (1, "s")) }
        if seconds < 86_400 { return pair(seconds, (3600, "h"), (60, "min")) }
        return pair(seconds, (86_400, "d"), (3600, "h"))
    }

    private static func pair(
        _ seconds: Int, _ large: (size: Int, name: String), _ small: (size: Int, name: String)
    ) -> String {
        let rest = seconds % large.size / small.size
        return "\(seconds / large.size) \(large.name)"
            + (rest == 0 ? "" : " \(rest) \(small.name)")
    }

    static func duration(ms: Int) -> String { duration(ms: Double(ms)) }

    /// `112 B`, `1.2 KB`, `128 MB`; a KB is 1024 bytes, as the API's MB is 1,048,576.
    static func size(bytes: Int) -> String {
        var value = Double(bytes)
        for unit in ["B", "KB", "MB", "GB"] {
            if value < 1023.5 || unit == "GB" {
                return trimmed(value, places: value < 100 ? 1 : 0) + " " + unit
            }
            value /= 1024
        }
        return "\(bytes) B"
    }

    /// `12 s ago`, `5 min ago`, `3 h ago`, `2 d ago`, and the date when that is long past.
    static func relative(_ date: Date, to now: Date) -> String {
        let seconds = Int(now.timeIntervalSince(date))
        return switch seconds {
        // Two machines' clocks differ a little: a time just ahead is now.
        case -60..<2: "just now"
        case 2..<60: "\(seconds) s ago"
        case 60..<3600: "\(seconds / 60) min ago"
        case 3600..<86_400: "\(seconds / 3600) h ago"
        case 86_400..<(14 * 86_400): "\(seconds / 86_400) d ago"
        default: String(date.formatted(.iso8601).prefix(10))
        }
    }

    /// The same from the API's text; the text itself when it is not a time.
    static func relative(_ text: String, to now: Date = Date()) -> String {
        date(text).map { relative($0, to: now) } ?? text
    }

    /// `in 5 s` from the API's text, or `now` when that is past; the text itself when it is not
    /// a time.
    static func ahead(_ text: String, of now: Date = Date()) -> String {
        guard let date = date(text) else { return text }
        let seconds = date.timeIntervalSince(now)
        return seconds < 0.5 ? "now" : "in \(duration(ms: (seconds.rounded() * 1000)))"
    }

    /// The time of day of a time of the API (in UTC, as all of them), with the date unless that
    /// is today's; the text itself when it is not a time.
    static func clock(_ text: String, seconds: Bool = false, now: Date = Date()) -> String {
        guard let date = date(text) else { return text }
        let utc = rfc3339(date)
        let time = utc.dropFirst(11).prefix(seconds ? 8 : 5)
        return utc.prefix(10) == rfc3339(now).prefix(10)
            ? String(time) : "\(utc.prefix(10)) \(time)"
    }

    /// The time as the API writes it.
    static func rfc3339(_ date: Date) -> String {
        date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    /// Reads an RFC 3339 time, with or without a fraction of a second.
    static func date(_ text: String) -> Date? {
        let fractional = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        return (try? Date(text, strategy: fractional)) ?? (try? Date(text, strategy: .iso8601))
    }

    private static func trimmed(_ value: Double, places: Int) -> String {
        var text = String(format: "%.\(places)f", value)
        if text.contains(".") {
            while text.hasSuffix("0") { text.removeLast() }
            if text.hasSuffix(".") { text.removeLast() }
        }
        return text
    }
}

/// A time limit as written on the command line: `1500`, `1500ms`, `3s`, `1.5s` or `2m`.
enum DurationText {
    /// The milliseconds, or nil when the text is not a positive whole number of them.
    static func milliseconds(_ text: String) -> Int? {
        milliseconds(text) { unit in
            switch unit {
            case "", "ms": 1
            case "s": 1000
            case "m", "min": 60_000
            default: nil
            }
        }
    }

    /// The milliseconds of a time with its unit, such as `500ms`, `30s`, `10m`, `2h` or `1d`.
    static func withUnit(_ text: String) -> Int? {
        milliseconds(text) { unit in
            switch unit {
            case "h": 3_600_000
            case "d": 86_400_000
            case "": nil
            default: milliseconds("1" + unit).map(Double.init)
            }
        }
    }

    private static func milliseconds(_ text: String, factor: (String) -> Double?) -> Int? {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard let value = Double(digits), digits.first != ".", digits.last != "." else {
            return nil
        }
        let unit = text.dropFirst(digits.count).trimmingCharacters(in: .whitespaces)
        guard let factor = factor(unit) else { return nil }
        let result = (value * factor * 1000).rounded() / 1000
        guard result >= 1, result < 1e12, result == result.rounded() else { return nil }
        return Int(result)
    }
}
