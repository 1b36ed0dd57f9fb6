import Foundation
import Hummingbird
import NIOCore

/// What a request brings besides itself: the connection that it came on.
struct EvaluatorRequestContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }

    /// A path parameter with its percent-escapes resolved.
    func pathParameter(_ name: String) throws -> String {
        let raw = try parameters.require(name)
        // Most have none, and Foundation's way takes as long as finding the route.
        guard raw.utf8.contains(UInt8(ascii: "%")) else { return raw }
        guard let text = raw.removingPercentEncoding else {
            throw Problem(.badRequest, "the path has a percent sign that begins no valid escape")
        }
        return text
    }
}

/// The query of a request, which may have only known parameters, each once.
struct Query {
    private var values: [String: String] = [:]

    /// - Throws: `Problem` that names the parameter at fault.
    init(_ request: Request, allowed: Set<String>) throws {
        for (key, value) in request.uri.queryParameters {
            guard allowed.contains(String(key)) else {
                let known = allowed.isEmpty ? "none" : allowed.sorted().joined(separator: ", ")
                throw Problem(
                    .badRequest, "there is no query parameter \"\(key)\" here; known are: \(known)")
            }
            guard values.updateValue(String(value), forKey: String(key)) == nil else {
                throw Problem(.badRequest, "the query parameter \"\(key)\" is there twice")
            }
        }
    }

    func text(_ name: String) -> String? { values[name] }

    func integer(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let text = values[name] else { return nil }
        // Only digits: Int() would accept a plus sign as well.
        guard let number = Int(text), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            range.contains(number)
        else {
            let bounds =
                range.upperBound == .max
                ? "from \(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
            throw Problem(
                .badRequest, "the query parameter \"\(name)\" has to be an integer \(bounds)")
        }
        return number
    }

    /// A time such as `30s` or `500ms`.
    func duration(_ name: String, atMost limit: Duration) throws -> Duration? {
        guard let text = values[name] else { return nil }
        let digits = text.utf8.prefix { (0x30...0x39).contains($0) }
        let unit = text.utf8.dropFirst(digits.count)
        if let number = Int(String(Substring(digits))), number < 1_000_000 {
            let duration: Duration? =
                unit.elementsEqual("s".utf8)
                ? .seconds(number)
                : unit.elementsEqual("ms".utf8) ? .milliseconds(number) : nil
            if let duration, duration <= limit { return duration }
        }
        throw Problem(
            .badRequest,
            "the query parameter \"\(name)\" has to be a time such as 30s or 500ms, at most \(limit.components.seconds)s"
        )
    }

    /// An RFC 3339 time, in milliseconds since 1970. Its offset from UTC is at most 18 hours.
    func time(_ name: String) throws -> Int64? {
        guard let text = values[name]?.uppercased() else { return nil }
        let styles = [
            Date.ISO8601FormatStyle(includingFractionalSeconds: true),
            Date.ISO8601FormatStyle(),
        ]
        for style in styles {
            if let date = try? style.parse(text) {
                return Int64((date.timeIntervalSince1970 * 1000).rounded())
            }
        }
        throw Problem(
            .badRequest,
            "the query parameter \"\(name)\" has to be a time such as 2026-01-31T09:15:02.123Z")
    }

    func flag(_ name: String) throws -> Bool {
        switch values[name] {
        case nil, "false": return false
        case "true": return true
        default:
            throw Problem(.badRequest, "the query parameter \"\(name)\" has to be true or false")
        }
    }

    /// The `limit` of a list: 1 to 1000, 100 when it is left out.
    func limit() throws -> Int { try integer("limit", in: 1...1000) ?? 100 }
}
