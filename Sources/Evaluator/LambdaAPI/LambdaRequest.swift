import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// A request that an operation of Lambda's API was found for, with its input checked against the model.
struct LambdaRequest: Sendable {
    /// For example `CreateFunction`.
    var operation: String
    /// The members of the input by their names, wherever the request had them.
    var input: [String: JSONValue]
    /// The body of an operation that takes it as it is.
    var payload: ByteBuffer
    /// Where the client reached the evaluator: `127.0.0.1:8080`.
    var host: String
    /// Of the request, for its answer.
    var id: String
    var names: LambdaNames
    /// The one that the request is made in.
    var region: String
    /// The connection that the answer goes to.
    var channel: (any Channel)?
    /// The trace that the client says the request belongs to.
    var trace: String?

    func string(_ name: String) -> String? { input[name]?.string }
    func int(_ name: String) -> Int? { input[name]?.int }
    func bool(_ name: String) -> Bool { input[name]?.bool ?? false }

    func object(_ name: String) -> JSONValue? {
        if case .object? = input[name] { input[name] } else { nil }
    }

    /// - Throws: `ValidationException`; the model asks for it already.
    func required(_ name: String) throws -> String {
        guard let value = string(name) else {
            throw LambdaError.validation(
                "Value null at '\(name)' failed to satisfy constraint: Member must not be null")
        }
        return value
    }

    /// The function that `FunctionName` and `Qualifier` name.
    func function() throws -> FunctionReference {
        try reference(required("FunctionName"), qualifier: string("Qualifier"))
    }

    /// The function that a text names, in the request's region.
    func reference(_ text: String, qualifier: String? = nil) throws -> FunctionReference {
        try names.reference(text, qualifier: qualifier, in: region)
    }

    /// How many items a page of a list has at most.
    func pageSize(_ most: Int = 50) -> Int { min(int("MaxItems") ?? most, most) }
}

/// The pieces of a request's address, as they are read and as they are signed: there is no other reader.
struct LambdaAddress: Sendable {
    /// In its normal form.
    var path: String
    /// Whether the request had the path in its normal form.
    var isNormal: Bool
    /// In the order of the request, with escapes resolved.
    var query: [(name: String, value: String)]

    init(_ request: Request) {
        path = Self.normal(request.uri.path)
        isNormal = path == request.uri.path
        query = Self.pairs(request.uri.query ?? "").map {
            (Self.decoded($0.name), Self.decoded($0.value))
        }
    }

    /// Without empty and relative steps (RFC 3986, section 6.2.2.3); escapes stay.
    private static func normal(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        let joined = "/" + parts.joined(separator: "/")
        return path.hasSuffix("/") && joined.count > 1 ? joined + "/" : joined
    }

    /// The names and values of a query, with escapes as they are.
    static func pairs(_ query: String) -> [(name: String, value: String)] {
        query.split(separator: "&").map { pair in
            let parts = pair.split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(parts[0]), parts.count == 2 ? String(parts[1]) : "")
        }
    }

    /// A name or a value of a query: `+` is a space, as forms have it (url.spec.whatwg.org, section 5.1).
    static func decoded(_ text: String) -> String {
        text.replacingOccurrences(of: "+", with: " ").removingPercentEncoding ?? text
    }

    /// The first value of each name.
    var values: [String: String] { Dictionary(query.map { ($0.name, $0.value) }) { one, _ in one } }
}

/// Makes requests out of what arrives.
struct LambdaRequestReader: Sendable {
    let names: LambdaNames
    let model: LambdaModel
    let validator: LambdaValidator

    init(names: LambdaNames) throws {
        self.names = names
        model = try LambdaModel()
        validator = LambdaValidator(model: model)
    }

    /// Larger archives have to come in another way, which there is not.
    private static let maximumCodeBytes = 70_167_211
    static let maximumBytes = 1 << 20
    static let maximumPayloadBytes = 6 << 20

    /// The most bytes that the body of an operation has.
    static func maximumBytes(_ operation: String) -> Int {
        switch operation {
        case "CreateFunction", "UpdateFunctionCode", "PublishLayerVersion": maximumCodeBytes
        case "Invoke", "InvokeAsync", "InvokeWithResponseStream": maximumPayloadBytes
        default: maximumBytes
        }
    }

    /// - Parameter parameters: the names in the path, with their escapes.
    /// - Throws: `LambdaError`, `JSONFault`.
    func read(
        _ operation: String, parameters: [String: String], address: LambdaAddress,
        headers: HTTPFields, body: ByteBuffer, host: String, id: String, region: String
    ) throws -> LambdaRequest {
        guard let description = model.operations[operation],
            let shape = model.shapes[description.in]
        else { throw LambdaError.unknownOperation(operation) }
        var input: [String: JSONValue] = [:]
        let members = shape.m ?? [:]
        var inQuery: [String: (name: String, member: LambdaModel.Shape.Member)] = [:]
        for (name, member) in members {
            switch member.l {
            case "u":
                guard let raw = parameters[member.n ?? name] else { continue }
                guard let text = raw.removingPercentEncoding else {
                    throw LambdaError.invalid("the path has an escape that is none")
                }
                input[name] = try value(text, member.s, name)
            case "q": inQuery[member.n ?? name] = (name, member)
            case "h":
                guard let field = HTTPField.Name(member.n ?? name), let text = headers[field] else {
                    continue
                }
                input[name] = try value(text, member.s, name)
            default: break
            }
        }
        try readQuery(address.query, inQuery, description.q, into: &input)
        var payload = ByteBuffer()
        if let member = shape.b, let kind = members[member], model.shapes[kind.s]?.t == "blob" {
            payload = body
            // It may be empty, and is not missing then.
            input[member] = ""
        } else if let member = shape.b {
            if body.readableBytes > 0 { input[member] = try JSONValue(body) }
        } else if body.readableBytes > 0, members.contains(where: { $0.value.l == nil }) {
            guard case .object(let fields) = try JSONValue(body) else {
                throw LambdaError(
                    "SerializationException", 400, "The request has to be a JSON object")
            }
            for (name, value) in fields where value != .null {
                guard members[name]?.l == nil else {
                    throw LambdaError.invalid("The parameter \(name) does not belong in the body")
                }
                input[name] = value
            }
        }
        try validator.check(.object(input), description.in, at: "")
        return LambdaRequest(
            operation: operation, input: input, payload: payload, host: host, id: id, names: names,
            region: region, trace: LambdaTrace.given(headers))
    }

    private func readQuery(
        _ query: [(name: String, value: String)],
        _ members: [String: (name: String, member: LambdaModel.Shape.Member)], _ fixed: String?,
        into input: inout [String: JSONValue]
    ) throws {
        for (key, text) in query {
            if key.hasPrefix("X-Amz-") || fixed?.hasPrefix("\(key)=") == true { continue }
            guard let (name, member) = members[key] else {
                throw LambdaError.invalid("There is no parameter \(key.prefix(200))")
            }
            if model.shapes[member.s]?.t == "list" {
                let items = input[name]?.array ?? []
                input[name] = .array(items + [.string(text)])
            } else {
                input[name] = try value(text, member.s, name)
            }
        }
    }

    /// What a text in a path, a query or a header stands for.
    private func value(_ text: String, _ shape: String, _ name: String) throws -> JSONValue {
        switch model.shapes[shape]?.t {
        case "integer", "long":
            guard let number = Int(text) else {
                throw LambdaError(
                    "SerializationException", 400, "The value of \(name) has to be an integer")
            }
            return .int(number)
        case "boolean": return .bool(text == "true")
        case "timestamp", "double": return Double(text).map { .double($0) } ?? .string(text)
        default: return .string(text)
        }
    }
}
