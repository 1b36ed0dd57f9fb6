import Foundation

/// How grave a log line is. What a line does not say of itself is not guessed.
public enum LogLevel: Int, Sendable, CaseIterable, Comparable {
    case trace, debug, info, warn, error, fatal

    public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }

    public var name: String { "\(self)" }

    private static let names: [String: LogLevel] = {
        var names = Dictionary(uniqueKeysWithValues: allCases.map { ($0.name, $0) })
        names["warning"] = .warn
        names["notice"] = .info
        names["err"] = .error
        names["critical"] = .fatal
        names["panic"] = .fatal
        return names
    }()

    /// The level with a name of those in use, in any case: `WARNING`, `err`.
    public init?(named name: String) {
        guard name.utf8.count <= 10, let level = Self.names[name.lowercased()] else { return nil }
        self = level
    }

    /// What a line says of itself: a JSON object in `level` or `severity`, another in how it begins, such
    /// as `ERROR:root:no file` or `[warning] late`.
    public init?(line: String) {
        if line.utf8.first == UInt8(ascii: "{") {
            guard let fields = try? JSONDecoder().decode(Fields.self, from: Data(line.utf8)),
                let name = fields.level ?? fields.severity
            else { return nil }
            self.init(named: name)
            return
        }
        let text = line.utf8.drop { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: " ") }
        let word = text.prefix { isLetter($0) }
        guard word.count <= 10, let next = text.dropFirst(word.count).first,
            next == UInt8(ascii: ":") || next == UInt8(ascii: "]")
        else { return nil }
        self.init(named: String(Substring(word)))
    }

    private struct Fields: Decodable {
        var level: String?
        var severity: String?

        private enum Key: String, CodingKey { case level, severity }

        init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: Key.self)
            level = try? values.decode(String.self, forKey: .level)
            severity = try? values.decode(String.self, forKey: .severity)
        }
    }
}

private func isLetter(_ byte: UInt8) -> Bool {
    (0x41...0x5A).contains(byte & 0xDF)
}
