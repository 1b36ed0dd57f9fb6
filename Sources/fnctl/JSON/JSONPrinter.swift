extension JSONValue {
    /// On one line, without spaces.
    var compact: String {
        var text = ""
        JSONPrinter(indent: nil, sortsKeys: false).write(self, level: 0, to: &text)
        return text
    }

    /// Over several lines, two spaces a level; members sorted by key when asked for.
    func pretty(sortsKeys: Bool = false) -> String {
        var text = ""
        JSONPrinter(indent: "  ", sortsKeys: sortsKeys).write(self, level: 0, to: &text)
        return text
    }
}

private struct JSONPrinter {
    let indent: String?
    let sortsKeys: Bool

    func write(_ value: JSONValue, level: Int, to text: inout String) {
        switch value {
        case .null: text += "null"
        case .bool(let flag): text += flag ? "true" : "false"
        case .number(let digits): text += digits
        case .string(let string): write(string, to: &text)
        case .array(let elements):
            list(elements, "[", "]", level: level, to: &text) { element, text in
                write(element, level: level + 1, to: &text)
            }
        case .object(let members):
            let members = sortsKeys ? members.sorted { $0.key < $1.key } : members
            list(members, "{", "}", level: level, to: &text) { member, text in
                write(member.key, to: &text)
                text += indent == nil ? ":" : ": "
                write(member.value, level: level + 1, to: &text)
            }
        }
    }

    private func list<Element>(
        _ elements: [Element], _ open: String, _ close: String, level: Int, to text: inout String,
        _ body: (Element, inout String) -> Void
    ) {
        text += open
        for (index, element) in elements.enumerated() {
            if index > 0 { text += "," }
            newLine(level + 1, to: &text)
            body(element, &text)
        }
        if !elements.isEmpty { newLine(level, to: &text) }
        text += close
    }

    private func newLine(_ level: Int, to text: inout String) {
        guard let indent else { return }
        text += "\n"
        for _ in 0..<level { text += indent }
    }

    private func write(_ string: String, to text: inout String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            // C1 controls are legal in JSON, and some terminals obey them.
            case "\0"..."\u{1F}", "\u{7F}"..."\u{9F}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
