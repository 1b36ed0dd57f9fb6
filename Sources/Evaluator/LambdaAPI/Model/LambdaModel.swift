import Foundation

/// What Lambda's operations are and what they take: the service model that botocore ships, of which
/// `scripts/lambda-model` writes down what requests are checked against.
struct LambdaModel: Sendable {
    struct Operation: Sendable, Decodable {
        var v: String
        var p: String
        var q: String?
        var c: Int
        var `in`: String
    }

    /// A type of an input: `t` is its kind, `r` the members that have to be there, `m` its members, `b` the
    /// one that is the request's body, `v` and `k` the values' and keys' types, `p` a pattern, `e` the texts
    /// that are possible.
    struct Shape: Sendable, Decodable {
        struct Member: Sendable, Decodable {
            var s: String
            /// Where it is in the request: `u` path, `q` query, `h` header; else the body.
            var l: String?
            var n: String?
        }
        var t: String
        var r: [String]?
        var m: [String: Member]?
        var b: String?
        var v: String?
        var k: String?
        var min: Double?
        var max: Double?
        var p: String?
        var e: [String]?
    }

    let operations: [String: Operation]
    let shapes: [String: Shape]
    /// The names of each structure's members in the order that violations are told in: what the query and headers
    /// say comes before what the path says, and that before the body.
    let memberOrder: [String: [String]]
    private let routes: [Route]
    private let patterns: [String: NSRegularExpression]

    private struct Route: Sendable {
        var name: String
        var method: String
        var parts: [Substring]
        var query: String?
    }

    /// - Throws: `StartError` when the texts are damaged.
    init() throws {
        do {
            let decoder = JSONDecoder()
            operations = try decoder.decode(
                [String: Operation].self, from: Data(Self.operationsText.utf8))
            shapes = try decoder.decode([String: Shape].self, from: Data(Self.shapesText.utf8))
            memberOrder = shapes.mapValues(Self.order)
            patterns = try Set(shapes.values.compactMap(\.p)).reduce(into: [:]) { all, pattern in
                all[pattern] = try NSRegularExpression(pattern: "^(?:\(pattern))$")
            }
        } catch {
            throw StartError(message: "the Lambda API's model cannot be read: \(error)")
        }
        routes = operations.filter { !$0.key.hasPrefix("logs:") }.map { name, operation in
            Route(
                name: name, method: operation.v, parts: operation.p.split(separator: "/"),
                query: operation.q)
        }
    }

    private static func order(_ shape: Shape) -> [String] {
        let places = ["q": 0, "h": 0, "u": 1]
        return (shape.m ?? [:]).sorted {
            let (one, other) = (places[$0.value.l ?? ""] ?? 2, places[$1.value.l ?? ""] ?? 2)
            return one == other ? $0.key < $1.key : one < other
        }.map(\.key)
    }

    /// The operation of a request, and the parts of its path that are names, with their escapes.
    /// - Parameter query: the names and values of the query.
    func operation(
        _ method: String, path: String, query: [String: String]
    ) -> (name: String, parameters: [String: String])? {
        let parts = path.split(separator: "/")
        var found: (route: Route, parameters: [String: String])?
        for route in routes where route.method == method && route.parts.count == parts.count {
            if let wanted = route.query {
                let pair = wanted.split(separator: "=", maxSplits: 1)
                guard query[String(pair[0])] == pair.dropFirst().first.map(String.init) else {
                    continue
                }
            }
            // The one that asks for a certain query goes before the one that does not.
            if found != nil, route.query == nil { continue }
            if let parameters = Self.match(route.parts, parts) { found = (route, parameters) }
        }
        return found.map { ($0.route.name, $0.parameters) }
    }

    private static func match(_ pattern: [Substring], _ parts: [Substring]) -> [String: String]? {
        var parameters: [String: String] = [:]
        for (name, part) in zip(pattern, parts) {
            if name.first == "{" {
                parameters[String(name.dropFirst().dropLast())] = String(part)
            } else if name != part {
                return nil
            }
        }
        return parameters
    }

    func matches(_ text: String, _ pattern: String) -> Bool {
        guard let expression = patterns[pattern] else { return true }
        let whole = NSRange(text.startIndex..., in: text)
        return expression.firstMatch(in: text, range: whole)?.range == whole
    }
}
