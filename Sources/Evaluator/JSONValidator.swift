/// Why a text is not JSON, and where.
struct JSONFault: Error, Equatable {
    /// From 1; lines end with a line feed.
    var line: Int
    /// From 1, in characters (Unicode scalars).
    var column: Int
    var reason: String

    var message: String { "\(reason) at line \(line), column \(column)" }
}

/// Checks that bytes are one JSON text as in RFC 8259, without building anything: no byte order mark,
/// strict UTF-8, at most 512 levels deep. One pass, no allocation unless it fails.
struct JSONValidator {
    static let maximumDepth = 512

    private let bytes: UnsafeRawBufferPointer
    private var position = 0
    private var depth = 0
    /// One bit a level: set for an object, clear for an array.
    private var kinds = InlineArray<8, UInt64>(repeating: 0)
    private let hasToBeText: Bool
    private let allowsNonFinite: Bool

    /// - Parameters:
    ///   - forTexts: refuses escapes that stand for half of a character as well. JSON has them (RFC 8259,
    ///     section 8.2), but no text that they could be read into.
    ///   - allowsNonFinite: takes `NaN`, `Infinity` and `-Infinity` for numbers. JSON has none of them, and
    ///     Python's module writes and reads them.
    /// - Throws: `JSONFault`.
    static func check(
        _ bytes: UnsafeRawBufferPointer, forTexts: Bool = false, allowsNonFinite: Bool = false
    ) throws(JSONFault) {
        var validator = JSONValidator(
            bytes: bytes, hasToBeText: forTexts, allowsNonFinite: allowsNonFinite)
        do throws(Refusal) {
            try validator.document()
        } catch {
            throw fault(bytes, error)
        }
    }

    private struct Refusal: Error {
        var position: Int
        var reason: StaticString
    }

    private init(bytes: UnsafeRawBufferPointer, hasToBeText: Bool, allowsNonFinite: Bool) {
        self.bytes = bytes
        self.hasToBeText = hasToBeText
        self.allowsNonFinite = allowsNonFinite
    }

    private static func fault(_ bytes: UnsafeRawBufferPointer, _ refusal: Refusal) -> JSONFault {
        let before = bytes[..<min(refusal.position, bytes.count)]
        let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        return JSONFault(
            line: before.reduce(1) { $0 + ($1 == 0x0A ? 1 : 0) },
            // Continuation bytes are not characters of their own.
            column: before[lineStart...].reduce(1) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) },
            reason: "\(refusal.reason)")
    }

    // MARK: Structure

    private mutating func document() throws(Refusal) {
        try value()
        while depth > 0 {
            // After a value inside of an array or object.
            skipSpace()
            switch peek() {
            case UInt8(ascii: ","):
                position += 1
                if isInObject { try key() }
                try value()
            case UInt8(ascii: "}") where isInObject, UInt8(ascii: "]") where !isInObject:
                position += 1
                depth -= 1
            case nil: throw refusal("the text ends")
            default: throw refusal(isInObject ? "expected , or }" : "expected , or ]")
            }
        }
        skipSpace()
        if position < bytes.count { throw refusal("there is more after the value") }
    }

    /// A value; of an array or object that is not empty, only up to and with its first value.
    private mutating func value() throws(Refusal) {
        while true {
            skipSpace()
            switch peek() {
            case UInt8(ascii: "{"):
                try open(isObject: true)
                skipSpace()
                if peek() == UInt8(ascii: "}") { return close() }
                try key()
            case UInt8(ascii: "["):
                try open(isObject: false)
                skipSpace()
                if peek() == UInt8(ascii: "]") { return close() }
            case UInt8(ascii: "\""): return try string()
            case UInt8(ascii: "-"): return try number()
            case let digit? where isDigit(digit): return try number()
            case UInt8(ascii: "t"): return try literal("true")
            case UInt8(ascii: "f"): return try literal("false")
            case UInt8(ascii: "n"): return try literal("null")
            case UInt8(ascii: "N") where allowsNonFinite: return try literal("NaN")
            case UInt8(ascii: "I") where allowsNonFinite: return try literal("Infinity")
            case nil: throw refusal("the text ends where a value is expected")
            default: throw refusal("expected a value")
            }
        }
    }

    private mutating func key() throws(Refusal) {
        skipSpace()
        guard peek() == UInt8(ascii: "\"") else { throw refusal("expected a key in quotes") }
        try string()
        skipSpace()
        guard peek() == UInt8(ascii: ":") else { throw refusal("expected :") }
        position += 1
    }

    private mutating func open(isObject: Bool) throws(Refusal) {
        guard depth < Self.maximumDepth else { throw refusal("more than 512 levels of nesting") }
        let bit: UInt64 = 1 << UInt64(depth % 64)
        if isObject { kinds[depth / 64] |= bit } else { kinds[depth / 64] &= ~bit }
        depth += 1
        position += 1
    }

    private mutating func close() {
        depth -= 1
        position += 1
    }

    private var isInObject: Bool {
        kinds[(depth - 1) / 64] & (1 << UInt64((depth - 1) % 64)) != 0
    }

    // MARK: Scalars

    private mutating func literal(_ text: StaticString) throws(Refusal) {
        let matches = text.withUTF8Buffer { text in
            bytes.count - position >= text.count
                && bytes[position..<position + text.count].elementsEqual(text)
        }
        guard matches else { throw refusal("expected a value") }
        position += text.utf8CodeUnitCount
    }

    private mutating func number() throws(Refusal) {
        if peek() == UInt8(ascii: "-") { position += 1 }
        if allowsNonFinite, peek() == UInt8(ascii: "I") { return try literal("Infinity") }
        if peek() == UInt8(ascii: "0") {
            position += 1
            if let next = peek(), isDigit(next) { throw refusal("a number begins with 0") }
        } else {
            try digits()
        }
        if peek() == UInt8(ascii: ".") {
            position += 1
            try digits()
        }
        if peek() == UInt8(ascii: "e") || peek() == UInt8(ascii: "E") {
            position += 1
            if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
    }

    private mutating func digits() throws(Refusal) {
        guard let first = peek(), isDigit(first) else { throw refusal("expected a digit") }
        repeat { position += 1 } while position < bytes.count && isDigit(bytes[position])
    }

    private mutating func string() throws(Refusal) {
        position += 1
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return
            case UInt8(ascii: "\\"): try escape()
            case 0..<0x20: throw refusal("a control character in a string is not escaped")
            case 0x20..<0x80: position += 1
            default: try multibyte(byte)
            }
        }
        throw refusal("the text ends inside of a string")
    }

    private mutating func escape() throws(Refusal) {
        position += 1
        switch peek() {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
            UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            position += 1
        case UInt8(ascii: "u"):
            position += 1
            let unit = try hexadecimal()
            if hasToBeText, (0xD800...0xDFFF).contains(unit) { try lowSurrogate(after: unit) }
        default: throw refusal("an unknown escape in a string")
        }
    }

    private mutating func hexadecimal() throws(Refusal) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = peek(), isHexDigit(digit) else {
                throw refusal("expected four hexadecimal digits")
            }
            // Letters of both cases have their value less 9 in the low four bits.
            value = value << 4 | UInt32(isDigit(digit) ? digit - 0x30 : digit & 0x0F + 9)
            position += 1
        }
        return value
    }

    private mutating func lowSurrogate(after high: UInt32) throws(Refusal) {
        let fault = refusal("an escape stands for half of a surrogate pair")
        guard high < 0xDC00, bytes.count - position >= 6,
            bytes[position] == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u")
        else { throw fault }
        position += 2
        guard (0xDC00...0xDFFF).contains(try hexadecimal()) else { throw fault }
    }

    /// One character of two to four bytes; the ranges are those of RFC 3629, which leave out overlong
    /// forms, surrogates and what is beyond U+10FFFF.
    private mutating func multibyte(_ first: UInt8) throws(Refusal) {
        let second: ClosedRange<UInt8>
        let count: Int
        switch first {
        case 0xC2...0xDF: (second, count) = (0x80...0xBF, 2)
        case 0xE0: (second, count) = (0xA0...0xBF, 3)
        case 0xED: (second, count) = (0x80...0x9F, 3)
        case 0xE1...0xEF: (second, count) = (0x80...0xBF, 3)
        case 0xF0: (second, count) = (0x90...0xBF, 4)
        case 0xF1...0xF3: (second, count) = (0x80...0xBF, 4)
        case 0xF4: (second, count) = (0x80...0x8F, 4)
        default: throw refusal("the text is not UTF-8")
        }
        guard position + count <= bytes.count, second.contains(bytes[position + 1]),
            count < 3 || bytes[position + 2] & 0xC0 == 0x80,
            count < 4 || bytes[position + 3] & 0xC0 == 0x80
        else { throw refusal("the text is not UTF-8") }
        position += count
    }

    // MARK: Bytes

    private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    private func isHexDigit(_ byte: UInt8) -> Bool {
        isDigit(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
    }

    private func refusal(_ reason: StaticString) -> Refusal {
        Refusal(position: position, reason: reason)
    }
}
