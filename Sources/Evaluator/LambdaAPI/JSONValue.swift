import Foundation
import NIOCore

/// JSON of any shape, for requests and answers whose fields are not known at compile time.
enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case int(Int)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// - Throws: `JSONFault`, and nothing else: what cannot be read is the sender's doing.
    init(_ bytes: ByteBuffer) throws(JSONFault) {
        do {
            try bytes.withUnsafeReadableBytes { try JSONValidator.check($0, forTexts: true) }
            self = try JSONDecoder().decode(JSONValue.self, from: Data(bytes.readableBytesView))
        } catch let fault as JSONFault {
            throw fault
        } catch {
            // What is JSON and all text is not taken for its numbers alone: 1e999.
            throw JSONFault(line: 1, column: 1, reason: "a number is too large to be stored")
        }
    }

    init(text: String) throws(JSONFault) { try self.init(ByteBuffer(string: text)) }

    var string: String? { if case .string(let value) = self { value } else { nil } }
    var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    var object: [String: JSONValue]? { if case .object(let value) = self { value } else { nil } }

    var int: Int? {
        switch self {
        case .int(let value): value
        case .double(let value): Int(exactly: value)
        default: nil
        }
    }

    var double: Double? {
        switch self {
        case .int(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }

    subscript(name: String) -> JSONValue? {
        guard let value = object?[name], value != .null else { return nil }
        return value
    }

    var strings: [String]? { array?.compactMap(\.string) }
    var stringMap: [String: String]? { object?.compactMapValues(\.string) }

    var data: Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)) ?? Data("null".utf8)
    }

    var text: String { String(decoding: data, as: UTF8.self) }

    /// An object without the fields that are `nil`.
    static func fields(_ fields: KeyValuePairs<String, JSONValue?>) -> JSONValue {
        var object: [String: JSONValue] = [:]
        for (name, value) in fields { object[name] = value }
        return .object(object)
    }

    static func map(_ values: [String: String]) -> JSONValue {
        .object(values.mapValues { .string($0) })
    }

    static func list(_ values: [String]) -> JSONValue { .array(values.map { .string($0) }) }
}

extension JSONValue: Codable {
    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int.self) {
            self = .int(value)
        } else if let value = try? container.decode(Double.self) {
            self = .double(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .int(let value): try container.encode(value)
        case .double(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    init(stringLiteral value: String) { self = .string(value) }
    init(integerLiteral value: Int) { self = .int(value) }
    init(booleanLiteral value: Bool) { self = .bool(value) }
    init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(Dictionary(elements) { $1 })
    }
}
