import Foundation

/// Checks the input of an operation against its shape, in Lambda's words.
struct LambdaValidator: Sendable {
    let model: LambdaModel

    /// - Parameters:
    ///   - path: the member's, as messages name it: `code.zipFile`.
    /// - Throws: `LambdaError`: `ValidationException` for a value that is out of bounds,
    ///   `SerializationException` for one of another type, `InvalidParameterValueException` for a member that
    ///   does not exist.
    func check(_ value: JSONValue, _ shapeName: String, at path: String) throws {
        guard let shape = model.shapes[shapeName], value != .null else { return }
        switch shape.t {
        case "structure": try checkStructure(value, shape, path)
        case "string": try checkString(value, shape, path)
        case "blob":
            guard let text = value.string else { throw Self.wrongType(path, "a text in base64") }
            try bounds(Double(text.utf8.count / 4 * 3), shape, path, text: "…", isLength: true)
        case "boolean":
            guard value.bool != nil else { throw Self.wrongType(path, "true or false") }
        case "integer", "long":
            guard let number = value.int else { throw Self.wrongType(path, "an integer") }
            try bounds(Double(number), shape, path, text: "\(number)", isLength: false)
        case "double", "float", "timestamp":
            guard let number = value.double else { throw Self.wrongType(path, "a number") }
            try bounds(number, shape, path, text: "\(number)", isLength: false)
        case "list":
            guard let items = value.array else { throw Self.wrongType(path, "a list") }
            try bounds(Double(items.count), shape, path, text: "[…]", isLength: true)
            for (index, item) in items.enumerated() {
                try check(item, shape.v ?? "", at: "\(path).\(index + 1).member")
            }
        case "map":
            guard let entries = value.object else { throw Self.wrongType(path, "an object") }
            for (key, item) in entries.sorted(by: { $0.key < $1.key }) {
                try check(.string(key), shape.k ?? "", at: path)
                try check(item, shape.v ?? "", at: "\(path).\(key).member")
            }
        default: break
        }
    }

    private func checkStructure(
        _ value: JSONValue, _ shape: LambdaModel.Shape, _ path: String
    ) throws {
        guard let fields = value.object else { throw Self.wrongType(path, "an object") }
        let members = shape.m ?? [:]
        if let unknown = fields.keys.sorted().first(where: { members[$0] == nil }) {
            throw LambdaError.invalid(
                "There is no parameter \(unknown)\(path.isEmpty ? "" : " in \(path)")")
        }
        for name in shape.r ?? [] where fields[name] == nil || fields[name] == .null {
            throw LambdaError.validation(
                "Value null at '\(Self.place(path, name))' failed to satisfy constraint: "
                    + "Member must not be null")
        }
        for (name, item) in fields.sorted(by: { $0.key < $1.key }) {
            guard let member = members[name] else { continue }
            try check(item, member.s, at: Self.place(path, name))
        }
    }

    private func checkString(
        _ value: JSONValue, _ shape: LambdaModel.Shape, _ path: String
    ) throws {
        guard let text = value.string else { throw Self.wrongType(path, "a text") }
        func refuse(_ constraint: String) -> LambdaError {
            .validation(
                "Value '\(text.prefix(200))' at '\(path)' failed to satisfy constraint: \(constraint)"
            )
        }
        if let values = shape.e, !values.contains(text) {
            throw refuse(
                "Member must satisfy enum value set: [\(values.joined(separator: ", "))]")
        }
        try bounds(
            Double(text.unicodeScalars.count), shape, path, text: text, isLength: true)
        if let pattern = shape.p, !model.matches(text, pattern) {
            throw refuse("Member must satisfy regular expression pattern: \(pattern)")
        }
    }

    private func bounds(
        _ number: Double, _ shape: LambdaModel.Shape, _ path: String, text: String, isLength: Bool
    ) throws {
        let what = isLength ? "have length" : "have value"
        func refuse(_ relation: String, _ bound: Double) -> LambdaError {
            .validation(
                "Value '\(text.prefix(200))' at '\(path)' failed to satisfy constraint: Member must "
                    + "\(what) \(relation) than or equal to \(Int(bound))")
        }
        if let least = shape.min, number < least { throw refuse("greater", least) }
        if let most = shape.max, number > most { throw refuse("less", most) }
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
