extension YAMLNode {
    /// The value as JSON.
    var json: JSONValue {
        switch content {
        case .scalar(let value, _): value
        case .sequence(let elements): .array(elements.map(\.json))
        case .mapping(let members):
            .object(members.map { JSONValue.Member(key: $0.key, value: $0.value.json) })
        }
    }

    func elements(_ name: String) throws(YAMLFileError) -> [YAMLNode] {
        guard case .sequence(let elements) = content else {
            throw error("\(name) must be a list, and this is \(json.kind)")
        }
        return elements
    }

    func string(_ name: String) throws(YAMLFileError) -> String {
        guard case .string(let text) = json else {
            throw error(
                "\(name) must be text, and this is \(json.kind); put it in quotes if it is text")
        }
        return text
    }

    func strings(_ name: String) throws(YAMLFileError) -> [String] {
        var texts: [String] = []
        for element in try elements(name) { texts.append(try element.string("each of \(name)")) }
        return texts
    }

    func int(_ name: String) throws(YAMLFileError) -> Int {
        guard case .number(let digits) = json, let value = Int(digits) else {
            throw error("\(name) must be a whole number")
        }
        return value
    }
}

/// The keys of a mapping whose keys are known beforehand.
struct YAMLFields {
    private let members: [String: YAMLNode]

    /// - Parameters:
    ///   - what: what the mapping describes, for messages: "a case".
    ///   - known: the keys it may have, in the order that messages list them.
    init(_ node: YAMLNode, what: String, known: [String]) throws(YAMLFileError) {
        guard case .mapping(let members) = node.content else {
            throw node.error(
                "\(what) must have keys (\(Self.list(known))), and this is \(node.json.kind)")
        }
        for (key, line, _) in members where !known.contains(key) {
            throw YAMLFileError(
                file: node.file, line: line,
                reason: "unknown key \"\(key)\"; \(what) may have \(Self.list(known))")
        }
        self.members = Dictionary(members.map { ($0.key, $0.value) }) { first, _ in first }
    }

    subscript(key: String) -> YAMLNode? { members[key] }

    func string(_ key: String) throws(YAMLFileError) -> String? {
        guard let node = members[key] else { return nil }
        return try node.string(key)
    }

    func int(_ key: String) throws(YAMLFileError) -> Int? {
        guard let node = members[key] else { return nil }
        return try node.int(key)
    }

    private static func list(_ keys: [String]) -> String { keys.joined(separator: ", ") }
}
