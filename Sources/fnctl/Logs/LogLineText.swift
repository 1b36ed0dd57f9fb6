import Foundation

/// A log line as people read it.
enum LogLineText {
    /// The time of day, the stream, the level that the line has, and the text.
    /// - Parameter namesCall: whether the line says which call wrote it, among those of several,
    ///   and the day unless it is today.
    static func text(
        _ line: LogLine, _ console: Console, namesCall: Bool = false, now: Date = Date()
    ) -> String {
        var parts = [console.styled(time(line, namesCall, now), .dim)]
        if namesCall, let call = line.call {
            parts.append(console.styled(Printable.line(String(call.suffix(6))), .dim))
        }
        if let attempt = line.attempt { parts.append(console.styled("attempt \(attempt)", .dim)) }
        let stream: TextStyle = line.stream == "stderr" ? .yellow : .dim
        parts.append(console.styled(Printable.line(line.stream), stream))
        if let level = line.level {
            parts.append(console.styled(Printable.line(level), style(level)))
        }
        parts.append(Printable.row(line.text))
        return parts.joined(separator: "  ")
    }

    private static func time(_ line: LogLine, _ namesDay: Bool, _ now: Date) -> String {
        let parts = line.time.split(separator: "T")
        guard parts.count == 2 else { return Printable.line(line.time) }
        let time = parts[1].prefix { $0 != "Z" }
        let isToday = Format.rfc3339(now).hasPrefix(parts[0])
        return Printable.line(namesDay && !isToday ? "\(parts[0]) \(time)" : String(time))
    }

    private static func style(_ level: String) -> TextStyle? {
        switch level {
        case "error", "fatal": .red
        case "warn": .yellow
        case "info": .green
        default: .dim
        }
    }
}
