/// How runtimes write a text when it is printed as part of something else: the insides of string
/// literals of JSON, Python and JavaScript.
enum SecretForms {
    static func all(of text: String) -> Set<String> {
        let json = [escaped(text, .json), escaped(text, .asciiJSON)]
        let nested = json.flatMap { [escaped($0, .json), escaped($0, .asciiJSON)] }
        let literals = [Style.python, .asciiPython, .bytes, .inspect].flatMap { style in
            ["'", "\"", "`", ""].map { escaped(text, style, quote: $0) }
        }
        return Set([text] + json + nested + literals)
    }

    private enum Style {
        /// `JSON.stringify`, and `json.dumps`, which writes ASCII only.
        case json, asciiJSON
        /// `repr`, `ascii`, and `repr` of the text's bytes.
        case python, asciiPython, bytes
        /// Node's `util.inspect`.
        case inspect
    }

    /// - Parameter quote: the mark that a literal is written in, which is escaped in it; the empty text
    ///   for none.
    private static func escaped(_ text: String, _ style: Style, quote: String = "\"") -> String {
        if case .bytes = style {
            return text.utf8.map { byte in
                byte < 0x80
                    ? escaped(Unicode.Scalar(byte), style, quote) : "\\x" + hex(UInt32(byte), 2)
            }.joined()
        }
        return text.unicodeScalars.map { escaped($0, style, quote) }.joined()
    }

    private static func escaped(
        _ scalar: Unicode.Scalar, _ style: Style, _ quote: String
    ) -> String {
        switch (scalar, style) {
        case ("\\", _): return "\\\\"
        case ("\n", _): return "\\n"
        case ("\r", _): return "\\r"
        case ("\t", _): return "\\t"
        case ("\u{8}", .json), ("\u{8}", .asciiJSON), ("\u{8}", .inspect): return "\\b"
        case ("\u{c}", .json), ("\u{c}", .asciiJSON), ("\u{c}", .inspect): return "\\f"
        case _ where String(scalar) == quote: return "\\" + quote
        case _ where isPlain(scalar, style): return String(scalar)
        default: return escapedByNumber(scalar, style)
        }
    }

    private static func isPlain(_ scalar: Unicode.Scalar, _ style: Style) -> Bool {
        switch style {
        case .json: scalar.value >= 0x20
        case .asciiJSON: (0x20..<0x7f).contains(scalar.value)
        case .asciiPython, .bytes: (0x20..<0x7f).contains(scalar.value)
        case .inspect: scalar.value >= 0x20 && !(0x7f...0x9f).contains(scalar.value)
        case .python: scalar == " " || isPrintable(scalar)
        }
    }

    /// As `str.isprintable` has it.
    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
            .paragraphSeparator, .spaceSeparator:
            false
        default: true
        }
    }

    private static func escapedByNumber(_ scalar: Unicode.Scalar, _ style: Style) -> String {
        switch style {
        case .json, .asciiJSON:
            return String(scalar).utf16.map { "\\u" + hex(UInt32($0), 4) }.joined()
        case .inspect: return "\\x" + hex(scalar.value, 2).uppercased()
        case .python, .asciiPython, .bytes:
            if scalar.value <= 0xff { return "\\x" + hex(scalar.value, 2) }
            return scalar.value <= 0xffff
                ? "\\u" + hex(scalar.value, 4) : "\\U" + hex(scalar.value, 8)
        }
    }

    private static func hex(_ number: UInt32, _ width: Int) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
