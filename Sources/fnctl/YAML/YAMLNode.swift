import Yams

/// What is wrong in a YAML file, and in which line.
struct YAMLFileError: Error, Sendable, CustomStringConvertible {
    let file: String
    let line: Int
    let reason: String

    var description: String { "\(file), line \(line): \(reason)" }

    /// The failure to show; a wrong file is wrong usage.
    var failure: Failure { .usage(description) }
}

/// A YAML value that knows its line and reads as JSON.
///
/// Plain words are read by YAML 1.2's core schema, so that `no` and `12:30` are strings.
struct YAMLNode: Sendable {
    enum Content: Sendable {
        /// A scalar's value, and its text as written.
        case scalar(JSONValue, text: String)
        case sequence([YAMLNode])
        case mapping([(key: String, line: Int, value: YAMLNode)])
    }

    let file: String
    let line: Int
    let content: Content

    func error(_ reason: String) -> YAMLFileError {
        YAMLFileError(file: file, line: line, reason: reason)
    }

    /// Parses the first document of a text; nil when there is none.
    /// - Parameter file: the name that errors are reported under.
    static func parse(_ text: String, file: String) throws(YAMLFileError) -> YAMLNode? {
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch {
            throw explain(error, file: file)
        }
        return try node.map { node throws(YAMLFileError) in try convert(node, file: file, depth: 0)
        }
    }

    private static func explain(_ error: any Error, file: String) -> YAMLFileError {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            YAMLFileError(file: file, line: mark.line, reason: "this is not YAML: \(problem)")
        case .duplicatedKeysInMapping(let keys, let context):
            YAMLFileError(
                file: file, line: context.mark.line,
                reason: "the key \"\(keys.first ?? "")\" is given twice; remove one")
        default:
            YAMLFileError(file: file, line: 1, reason: "this is not YAML: \(error)")
        }
    }

    private static func convert(_ node: Node, file: String, depth: Int) throws(YAMLFileError)
        -> YAMLNode
    {
        let line = node.mark?.line ?? 1
        guard depth < JSONParser.maxDepth else {
            throw YAMLFileError(file: file, line: line, reason: "nested too deeply")
        }
        switch node {
        case .scalar(let scalar):
            guard let value = resolve(scalar) else {
                throw YAMLFileError(
                    file: file, line: line,
                    reason:
                        "\"\(scalar.string)\" has the tag \(scalar.tag), which has no meaning in JSON"
                )
            }
            return YAMLNode(file: file, line: line, content: .scalar(value, text: scalar.string))
        case .sequence(let sequence):
            var elements: [YAMLNode] = []
            for element in sequence {
                elements.append(try convert(element, file: file, depth: depth + 1))
            }
            return YAMLNode(file: file, line: line, content: .sequence(elements))
        case .mapping(let mapping):
            var members: [(key: String, line: Int, value: YAMLNode)] = []
            for (key, value) in mapping {
                guard case .scalar(let name) = key else {
                    throw YAMLFileError(
                        file: file, line: line, reason: "a key must be a single word or text")
                }
                let value = try convert(value, file: file, depth: depth + 1)
                members.append((name.string, name.mark?.line ?? line, value))
            }
            return YAMLNode(file: file, line: line, content: .mapping(members))
        case .alias:
            // The parser has put the anchored value in the alias's place.
            throw YAMLFileError(file: file, line: line, reason: "an alias without its anchor")
        }
    }

    private static func resolve(_ scalar: Node.Scalar) -> JSONValue? {
        let text = scalar.string
        switch scalar.tag.rawValue {
        case Tag.Name.str.rawValue: return .string(text)
        case Tag.Name.nonSpecific.rawValue: return .string(text)
        case Tag.Name.implicit.rawValue where scalar.style != .plain: return .string(text)
        case Tag.Name.implicit.rawValue: return plain(text)
        case Tag.Name.int.rawValue, Tag.Name.float.rawValue, Tag.Name.bool.rawValue,
            Tag.Name.null.rawValue:
            let value = plain(text)
            if case .string = value { return nil }
            return value
        default: return nil
        }
    }

    /// YAML 1.2.2, section 10.3.2.
    private static func plain(_ text: String) -> JSONValue {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        default: break
        }
        for (prefix, radix) in [("0x", 16), ("0o", 8)] where text.hasPrefix(prefix) {
            if let value = Int(text.dropFirst(2), radix: radix) { return .int(value) }
        }
        if text.wholeMatch(of: /[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?/) != nil {
            return .number(jsonNumber(text))
        }
        return .string(text)
    }

    /// YAML's spelling of a number as JSON's: no plus, no leading zeros, digits around the point.
    private static func jsonNumber(_ text: String) -> String {
        var rest = Substring(text)
        let sign = rest.hasPrefix("-") ? "-" : ""
        if rest.hasPrefix("-") || rest.hasPrefix("+") { rest = rest.dropFirst() }
        var whole = rest.prefix { $0.isNumber }
        rest = rest.dropFirst(whole.count)
        whole = whole.drop { $0 == "0" }
        if rest.hasPrefix(".") {
            let fraction = rest.dropFirst().prefix { $0.isNumber }
            rest = rest.dropFirst(1 + fraction.count)
            return sign + (whole.isEmpty ? "0" : whole) + "." + (fraction.isEmpty ? "0" : fraction)
                + rest
        }
        return sign + (whole.isEmpty ? "0" : whole) + rest
    }
}
