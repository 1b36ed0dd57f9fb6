import Foundation

/// Checks the input of an operation against its shape, in Lambda's words: all that is wrong is told at once.
struct LambdaValidator: Sendable {
    let model: LambdaModel

    /// - Parameters:
    ///   - path: the member's, as messages name it: `code.zipFile`.
    /// - Throws: `LambdaError`: `ValidationException` for values that are out of bounds,
    ///   `SerializationException` for one of another type, `InvalidParameterValueException` for a member that
    ///   does not exist.
    func check(_ value: JSONValue, _ shapeName: String, at path: String) throws {
        var violations: [String] = []
        try check(value, shapeName, at: path, &violations)
        if !violations.isEmpty { throw LambdaError.validations(violations) }
    }

    private func check(
        _ value: JSONValue, _ shapeName: String, at path: String, _ violations: inout [String]
    ) throws {
        guard let shape = model.shapes[shapeName], value != .null else { return }
        switch shape.t {
        case "structure": try checkStructure(value, shapeName, path, &violations)
        case "list":
            guard let items = value.array else { throw Self.wrongType(path, "a list") }
            violations += bounds(items.count, shape).map { Self.violation(value, path, $0) }
            try checkItems(items, shape.v ?? "", of: value, path, &violations)
        case "map":
            guard let entries = value.object else { throw Self.wrongType(path, "an object") }
            try checkEntries(entries, shape, of: value, path, &violations)
        default:
            for constraint in try unmet(value, shape, path) {
                violations.append(Self.violation(value, path, constraint))
            }
        }
    }

    private func checkStructure(
        _ value: JSONValue, _ shapeName: String, _ path: String, _ violations: inout [String]
    ) throws {
        guard let fields = value.object else { throw Self.wrongType(path, "an object") }
        let shape = model.shapes[shapeName]
        let members = shape?.m ?? [:]
        if let unknown = fields.keys.sorted().first(where: { members[$0] == nil }) {
            throw LambdaError.invalid(
                "There is no parameter \(unknown)\(path.isEmpty ? "" : " in \(path)")")
        }
        for name in model.memberOrder[shapeName] ?? [] {
            guard let member = members[name] else { continue }
            let place = Self.place(path, name)
            if let item = fields[name], item != .null {
                try check(item, member.s, at: place, &violations)
            } else if shape?.r?.contains(name) == true {
                violations.append(
                    "Value null at '\(place)' failed to satisfy constraint: Member must not be null"
                )
            }
        }
    }

    private func checkItems(
        _ items: [JSONValue], _ shapeName: String, of list: JSONValue, _ path: String,
        _ violations: inout [String]
    ) throws {
        guard let shape = model.shapes[shapeName] else { return }
        if ["structure", "list", "map"].contains(shape.t) {
            for (index, item) in items.enumerated() {
                try check(item, shapeName, at: "\(path).\(index + 1).member", &violations)
            }
        } else if try items.contains(where: { try !unmet($0, shape, path).isEmpty }) {
            violations.append(
                Self.violation(
                    list, path,
                    "Member must satisfy constraint: [\(constraints(shape, isValue: true))]"))
        }
    }

    private func checkEntries(
        _ entries: [String: JSONValue], _ shape: LambdaModel.Shape, of map: JSONValue,
        _ path: String, _ violations: inout [String]
    ) throws {
        if let keys = model.shapes[shape.k ?? ""],
            try entries.keys.contains(where: { try !unmet(.string($0), keys, path).isEmpty })
        {
            violations.append(
                Self.violation(
                    map, path,
                    "Map keys must satisfy constraint: [\(constraints(keys, isValue: false))]"))
        }
        guard let name = shape.v, let values = model.shapes[name] else { return }
        if ["structure", "list", "map"].contains(values.t) {
            for (key, item) in entries.sorted(by: { $0.key < $1.key }) {
                try check(item, name, at: "\(path).\(key).member", &violations)
            }
        } else if try entries.values.contains(where: { try !unmet($0, values, path).isEmpty }) {
            // Java prints a number with a fraction by its type, not by its value.
            let shown =
                values.t == "double"
                ? entries.mapValues { $0.double.map { .string("\($0)") } ?? $0 } : entries
            violations.append(
                Self.violation(
                    .object(shown), path,
                    "Map value must satisfy constraint: [\(constraints(values, isValue: true))]"))
        }
    }

    // MARK: Constraints

    /// Those of a simple shape that a value does not meet.
    private func unmet(
        _ value: JSONValue, _ shape: LambdaModel.Shape, _ path: String
    ) throws -> [String] {
        switch shape.t {
        case "string":
            guard let text = value.string else { throw Self.wrongType(path, "a text") }
            var found = bounds(text.unicodeScalars.count, shape)
            // Names of runtimes have an error of their own; see `LambdaSettings`.
            if let values = shape.e, !values.contains(text), path != "runtime" {
                found.append(Self.set(values))
            }
            if let pattern = shape.p, !model.matches(text, pattern) {
                found.append(Self.pattern(pattern))
            }
            return found
        case "blob":
            guard let text = value.string else { throw Self.wrongType(path, "a text in base64") }
            return bounds(text.utf8.count / 4 * 3, shape)
        case "boolean":
            guard value.bool != nil else { throw Self.wrongType(path, "true or false") }
            return []
        case "integer", "long":
            guard let number = value.int else { throw Self.wrongType(path, "an integer") }
            return bounds(number, shape)
        case "double", "float", "timestamp":
            guard let number = value.double else { throw Self.wrongType(path, "a number") }
            return [
                shape.max.flatMap { number > $0 ? Self.bound(shape, "less", $0) : nil },
                shape.min.flatMap { number < $0 ? Self.bound(shape, "greater", $0) : nil },
            ].compactMap { $0 }
        default: return []
        }
    }

    private func bounds(_ number: Int, _ shape: LambdaModel.Shape) -> [String] {
        var found: [String] = []
        if let most = shape.max, Double(number) > most {
            found.append(Self.bound(shape, "less", most))
        }
        if let least = shape.min, Double(number) < least {
            found.append(Self.bound(shape, "greater", least))
        }
        return found
    }

    /// All constraints of a simple shape, for messages about lists and maps of such.
    private func constraints(_ shape: LambdaModel.Shape, isValue: Bool) -> String {
        var all: [String] = []
        if let most = shape.max { all.append(Self.bound(shape, "less", most)) }
        if let least = shape.min { all.append(Self.bound(shape, "greater", least)) }
        if let values = shape.e { all.append(Self.set(values)) }
        if let pattern = shape.p { all.append(Self.pattern(pattern)) }
        if isValue { all.append("Member must not be null") }
        return all.joined(separator: ", ")
    }

    private static func bound(
        _ shape: LambdaModel.Shape, _ relation: String, _ bound: Double
    ) -> String {
        let isNumber = ["integer", "long", "double", "float", "timestamp"].contains(shape.t)
        let text = ["double", "float"].contains(shape.t) ? "\(bound)" : "\(Int(bound))"
        return
            "Member must have \(isNumber ? "value" : "length") \(relation) than or equal to \(text)"
    }

    private static func set(_ values: [String]) -> String {
        "Member must satisfy enum value set: [\(values.joined(separator: ", "))]"
    }

    private static func pattern(_ pattern: String) -> String {
        "Member must satisfy regular expression pattern: \(printed(pattern))"
    }

    /// A pattern as AWS prints it, whose service has other ones than the model that its clients are made of.
    static func printed(_ pattern: String) -> String {
        [
            ("[a-zA-Z\\-]", "[a-zA-Z-]"), ("[a-zA-Z0-9\\-_", "[a-zA-Z0-9-_"),
            ("[0-9a-zA-Z\\-_]", "[0-9a-zA-Z-_]"), ("[a-zA-Z0-9\\-]", "[a-zA-Z0-9-]"),
            ("(b?)", "([a-z]?)"), ("([a-z]{2}((-gov)", "((eusc-)?[a-z]{2}((-gov)"),
            (":lambda:[a-z]{2}", ":lambda:(eusc-)?[a-z]{2}"),
            ("|code-signing-config", "|layer:([a-zA-Z0-9-_]+)|code-signing-config"),
        ].reduce(pattern) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
    }

    // MARK: Texts

    private static func violation(
        _ value: JSONValue, _ path: String, _ constraint: String
    ) -> String {
        "Value '\(LambdaError.shown(shown(value)))' at '\(path)' failed to satisfy constraint: \(constraint)"
    }

    /// A value as Java prints it.
    private static func shown(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): text
        case .array(let items): "[\(items.map(shown).joined(separator: ", "))]"
        case .object(let fields):
            "{\(fields.sorted { $0.key < $1.key }.map { "\($0.key)=\(shown($0.value))" }.joined(separator: ", "))}"
        default: value.text
        }
    }

    private static func place(_ path: String, _ name: String) -> String {
        let name = name.prefix(1).lowercased() + name.dropFirst()
        return path.isEmpty ? name : "\(path).\(name)"
    }

    private static func wrongType(_ path: String, _ expected: String) -> LambdaError {
        LambdaError(
            "SerializationException", 400,
            "\(path.isEmpty ? "The request" : "The value at '\(path)'") has to be \(expected)")
    }
}
