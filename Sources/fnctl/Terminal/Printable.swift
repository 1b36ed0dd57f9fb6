/// Makes text that came from a function safe and tidy to print.
///
/// Messages, stacks and log lines are written by user code: an escape sequence in them must
/// not reach the reader's terminal.
enum Printable {
    /// The text with its control characters spelled out; tabs and line ends stay.
    static func block(_ text: String) -> String {
        escape(text) { $0 == "\n" || $0 == "\t" }
    }

    /// One line of output, with its control characters spelled out; tabs stay.
    static func row(_ text: String) -> String {
        escape(text) { $0 == "\t" }
    }

    /// The text on one line: line ends and tabs become spaces.
    static func line(_ text: String) -> String {
        escape(String(text.map { $0.isNewline || $0 == "\t" ? " " : $0 })) { _ in false }
    }

    private static func escape(_ text: String, except isKept: (Unicode.Scalar) -> Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            if scalar.properties.generalCategory == .control && !isKept(scalar) {
                result += "\\u{" + String(scalar.value, radix: 16) + "}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// How many columns of a terminal the text takes: two for East Asian wide characters and
    /// emoji. An approximation of Unicode's annex 11 by its large blocks.
    static func width(_ text: String) -> Int {
        text.reduce(0) { sum, character in
            guard let scalar = character.unicodeScalars.first else { return sum }
            let isWide =
                switch scalar.value {
                case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF,
                    0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1FAFF,
                    0x20000...0x3FFFD:
                    true
                default: false
                }
            return sum + (isWide ? 2 : 1)
        }
    }
}
