/// Tells JavaScript modules from scripts by looking for `import` and `export` statements outside of
/// comments, strings, templates, regular expressions and blocks.
///
/// It does not parse JavaScript: it knows just enough of its tokens (ECMA-262, clause 12) to skip
/// what is not code. Where it errs, the author can pack a zip, whose file names say what they are.
struct ModuleSyntax {
    private let text: [UInt8]
    private var position = 0
    /// Open `{`, `(` and `[`; a `"` stands for the `${` of a template.
    private var open: [UInt8] = []
    /// Whether a `/` here divides, rather than begins a regular expression.
    private var afterValue = false
    /// Whether a statement can begin here.
    private var atStatement = true

    static func isModule(_ source: String) -> Bool {
        var scanner = ModuleSyntax(text: Array(source.utf8))
        return scanner.scan()
    }

    private init(text: [UInt8]) {
        self.text = text
        // A first line that begins with #! is a comment.
        if text.starts(with: [0x23, 0x21]) { skipLine() }
    }

    private mutating func scan() -> Bool {
        while position < text.count {
            let byte = text[position]
            switch byte {
            case _ where isSpace(byte):
                // A line's end ends a statement, unless something is open; close enough here.
                if byte == 0x0A, open.isEmpty { atStatement = true }
                position += 1
            case UInt8(ascii: "/"): skipSlash()
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                skipString(byte)
                value()
            case UInt8(ascii: "`"):
                position += 1
                skipTemplate()
            case _ where isWord(byte) || byte == UInt8(ascii: "$") || byte >= 0x80:
                if word() { return true }
            default: punctuation(byte)
            }
        }
        return false
    }

    /// Reads a word; true when it begins an import or export statement.
    private mutating func word() -> Bool {
        let begin = position
        while position < text.count,
            isWord(text[position]) || text[position] == UInt8(ascii: "$") || text[position] >= 0x80
        {
            position += 1
        }
        let word = String(decoding: text[begin..<position], as: UTF8.self)
        let first = atStatement && open.isEmpty
        atStatement = false
        // After these words comes an expression, not an operator.
        afterValue = ![
            "return", "typeof", "case", "in", "of", "delete", "void", "throw", "new", "do", "else",
            "await", "yield", "instanceof",
        ].contains(word)
        guard first, word == "import" || word == "export" else { return false }
        guard let next = nextCodeByte() else { return false }
        let opensName = isWord(next) || next == UInt8(ascii: "$") || next >= 0x80
        let opensList = next == UInt8(ascii: "{") || next == UInt8(ascii: "*")
        // `import(` is an expression that scripts have too; `import.meta` is a module's alone.
        let opensString = next == UInt8(ascii: "\"") || next == UInt8(ascii: "'")
        let isMeta = next == UInt8(ascii: ".")
        return opensName || opensList || (word == "import" && (opensString || isMeta))
    }

    private mutating func punctuation(_ byte: UInt8) {
        position += 1
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "("), UInt8(ascii: "["):
            open.append(byte)
            (afterValue, atStatement) = (false, false)
        case UInt8(ascii: "}"), UInt8(ascii: ")"), UInt8(ascii: "]"):
            if open.popLast() == UInt8(ascii: "\"") {
                skipTemplate()
            } else {
                // `}` ends a block more often than an object that is then divided.
                afterValue = byte != UInt8(ascii: "}")
                atStatement = byte == UInt8(ascii: "}")
            }
        case UInt8(ascii: ";"): (afterValue, atStatement) = (false, true)
        default: (afterValue, atStatement) = (false, false)
        }
    }

    private mutating func value() {
        (afterValue, atStatement) = (true, false)
    }

    private mutating func skipSlash() {
        switch position + 1 < text.count ? text[position + 1] : 0 {
        case UInt8(ascii: "/"): skipLine()
        case UInt8(ascii: "*"): skipBlockComment()
        default:
            if afterValue {
                position += 1
                afterValue = false
            } else {
                skipRegularExpression()
                value()
            }
        }
    }

    private mutating func skipLine() {
        while position < text.count, text[position] != 0x0A { position += 1 }
    }

    private mutating func skipBlockComment() {
        position += 2
        while position < text.count {
            if text[position] == UInt8(ascii: "*"), position + 1 < text.count,
                text[position + 1] == UInt8(ascii: "/")
            {
                position += 2
                return
            }
            position += 1
        }
    }

    private mutating func skipString(_ quote: UInt8) {
        position += 1
        while position < text.count, text[position] != quote, text[position] != 0x0A {
            position += text[position] == UInt8(ascii: "\\") ? 2 : 1
        }
        position += 1
    }

    private mutating func skipTemplate() {
        while position < text.count {
            switch text[position] {
            case UInt8(ascii: "`"):
                position += 1
                return value()
            case UInt8(ascii: "\\"): position += 2
            case UInt8(ascii: "$")
            where position + 1 < text.count && text[position + 1] == UInt8(ascii: "{"):
                position += 2
                open.append(UInt8(ascii: "\""))
                (afterValue, atStatement) = (false, false)
                return
            default: position += 1
            }
        }
    }

    private mutating func skipRegularExpression() {
        var inClass = false
        position += 1
        while position < text.count, text[position] != 0x0A {
            switch text[position] {
            case UInt8(ascii: "\\"): position += 1
            case UInt8(ascii: "["): inClass = true
            case UInt8(ascii: "]"): inClass = false
            case UInt8(ascii: "/") where !inClass:
                position += 1
                return
            default: break
            }
            position += 1
        }
    }

    /// The next byte that is neither space nor comment, without moving on.
    private func nextCodeByte() -> UInt8? {
        var ahead = self
        while ahead.position < text.count {
            let byte = text[ahead.position]
            if isSpace(byte) {
                ahead.position += 1
            } else if byte == UInt8(ascii: "/"), ahead.position + 1 < text.count,
                text[ahead.position + 1] == UInt8(ascii: "/")
                    || text[ahead.position + 1] == UInt8(ascii: "*")
            {
                ahead.skipSlash()
            } else {
                return byte
            }
        }
        return nil
    }

    private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
