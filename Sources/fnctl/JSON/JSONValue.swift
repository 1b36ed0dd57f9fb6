/// One JSON value, as written: members keep their order and numbers keep their digits.
///
/// Foundation's parser would turn numbers into doubles and forget the order of members, so
/// what fnctl prints would not be what the function returned.
enum JSONValue: Sendable {
    case null
    case bool(Bool)
    /// The number's text, such as `1`, `1.0` or `-2e9`: always valid JSON.
    case number(String)
    case string(String)
    case array([JSONValue])
    /// Members in the order written, each key once.
    case object([Member])

    struct Member: Sendable {
        var key: String
        var value: JSONValue
    }

    /// The member `key` of an object; nil for other values and where there is no such member.
    subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    /// The text of a string value, else nil.
    var stringValue: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// The elements of an array value, else nil.
    var arrayValue: [JSONValue]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }

    /// What kind of value this is, with its article, for messages.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "a list"
        case .object: "an object"
        }
    }

    /// An object of the members whose value is not nil.
    static func object(fields: [(String, JSONValue?)]) -> JSONValue {
        .object(fields.compactMap { key, value in value.map { Member(key: key, value: $0) } })
    }

    static func int(_ value: Int) -> JSONValue { .number(String(value)) }

    /// JSON has no spelling for infinities, so those become null.
    static func double(_ value: Double) -> JSONValue {
        value.isFinite ? .number("\(value)") : .null
    }
}

/// Deep equality as JSON means it: members in any order, `1` equal to `1.0` and `1e0`.
extension JSONValue: Equatable {
    static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.number(let left), .number(let right)): JSONNumber.equal(left, right)
        case (.string(let left), .string(let right)):
            left.unicodeScalars.elementsEqual(right.unicodeScalars)
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)):
            left.count == right.count
                && left.allSatisfy { member in
                    right.first { $0.key == member.key }?.value == member.value
                }
        default: false
        }
    }
}

extension JSONValue.Member: Equatable {}
