import ExecutorSupervisor
import Foundation
import FunctionRegistry

/// A log line as the API shows it. Written by hand, because a line that is a JSON object goes into
/// `fields` as it is: decoded and encoded again, large numbers and the order of keys would change.
enum LogLineText {
    static func json(_ found: FoundLine) -> String {
        let line = found.line
        var text = "{\"time\":\"\(Timestamp.text(line.timeMs))\",\"call\":\"\(found.call)\""
        text += ",\"function\":\"\(found.function)\""
        if found.attempt > 1 { text += ",\"attempt\":\(found.attempt)" }
        text += ",\"stream\":\"\(line.stream.rawValue)\""
        if let level = LogLevel(line: line.text) { text += ",\"level\":\"\(level.name)\"" }
        text += ",\"text\":"
        JSONText.append(line.text, to: &text)
        if isObject(line.text) { text += ",\"fields\":" + line.text }
        return text + "}"
    }

    static func list(_ lines: [FoundLine], further: String) -> String {
        "{\"lines\":[\(lines.map(json).joined(separator: ","))]\(further)}"
    }

    private static func isObject(_ text: String) -> Bool {
        guard text.utf8.first == UInt8(ascii: "{") else { return false }
        var text = text
        // Line ends inside would break a server-sent event, and no line has any.
        return (try? text.withUTF8 { try JSONValidator.check(UnsafeRawBufferPointer($0)) }) != nil
            && !text.utf8.contains(UInt8(ascii: "\r"))
    }
}
