import Foundation

/// Where the evaluator listens: scheme, host, port and possibly a path before the API's own.
struct Endpoint: Sendable, Equatable, CustomStringConvertible {
    static let variable = "CLOISTER_ENDPOINT"
    static let fallback = "http://127.0.0.1:8080"

    /// The URL without a slash at its end.
    let base: String
    /// The UNIX socket that it stands for.
    let socket: String?

    /// Nil when the text is not an http or https URL with a host and without a query.
    init?(_ text: String) {
        guard let parts = URLComponents(string: text),
            parts.scheme == "http" || parts.scheme == "https",
            let host = parts.host, !host.isEmpty,
            parts.query == nil, parts.fragment == nil
        else { return nil }
        var base = text
        while base.hasSuffix("/") { base.removeLast() }
        self.base = base
        socket = nil
    }

    /// - Parameters:
    ///   - socket: a UNIX socket's path, for people.
    ///   - address: the same socket by a path of at most 107 bytes (unix(7)).
    init(socket: String, address: String) {
        base = "http+unix://" + Self.escape(address)
        self.socket = socket
    }

    var description: String { socket ?? base }

    /// The URL of a path given as its segments, each escaped, with a query.
    func url(_ path: [String], query: [(String, String?)] = []) -> String {
        let path = path.map { "/" + Self.escape($0) }.joined()
        let query = query.compactMap { name, value in
            value.map { "\(Self.escape(name))=\(Self.escape($0))" }
        }
        return base + path + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
    }

    /// Percent-encodes all but RFC 3986's unreserved characters.
    private static func escape(_ text: String) -> String {
        let unreserved = CharacterSet(
            charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        return text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? text
    }
}
