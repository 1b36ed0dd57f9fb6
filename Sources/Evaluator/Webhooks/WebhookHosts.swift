import Foundation

/// The hosts that webhooks may go to. Anybody who may register a function names URLs, and the evaluator
/// can reach what cells cannot: so none may, unless its administrator says which.
struct WebhookHosts: Sendable, Equatable {
    private struct Host: Sendable, Equatable {
        var name: String
        /// `nil` for any.
        var port: Int?
    }

    private let hosts: [Host]

    var isEmpty: Bool { hosts.isEmpty }

    /// - Parameter text: `host` or `host:port`, separated by commas; IPv6 addresses in brackets.
    /// - Throws: `ConfigurationError` that names the entry at fault.
    init(_ text: String) throws {
        hosts = try text.split(separator: ",").map { entry in
            let entry = entry.trimmingCharacters(in: .whitespaces)
            guard let parts = URLComponents(string: "http://\(entry)"), let name = parts.host,
                !name.isEmpty, parts.path.isEmpty, parts.query == nil, parts.user == nil,
                Self.isPlain("http://\(entry)", parts)
            else {
                throw ConfigurationError(
                    message: "webhookHosts has \"\(entry)\", which is neither host nor host:port")
            }
            return Host(name: name.lowercased(), port: parts.port)
        }
    }

    /// Whether a URL is plain ASCII, its host needs no decoding, and its port is one or left out.
    private static func isPlain(_ url: String, _ parts: URLComponents) -> Bool {
        guard url.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            let host = parts.percentEncodedHost, !host.contains("%"),
            let scheme = url.range(of: "://")
        else { return false }
        let authority = url[scheme.upperBound...].prefix { !"/?#".contains($0) }
        // A port that does not fit is read as none. An IPv6 address in brackets has colons of its own.
        let tail = authority.hasPrefix("[") ? authority.drop { $0 != "]" } : authority
        return tail.contains(":") ? (1...65_535).contains(parts.port ?? 0) : parts.port == nil
    }

    /// - Throws: `Problem` that says why a URL is not sent to.
    func check(_ url: String) throws {
        func refuse(_ why: String) -> Problem {
            Problem(.invalidFunction, "the webhook \"\(url.prefix(200))\" \(why)", field: "async")
        }
        guard url.utf8.count <= 2048, let parts = URLComponents(string: url),
            let scheme = parts.scheme?.lowercased(), scheme == "http" || scheme == "https",
            let name = parts.host?.lowercased(), !name.isEmpty, parts.user == nil,
            parts.fragment == nil, Self.isPlain(url, parts)
        else {
            throw refuse(
                "is not an http or https URL of at most 2048 ASCII characters, without a user")
        }
        let port = parts.port ?? (scheme == "https" ? 443 : 80)
        guard hosts.contains(where: { $0.name == name && ($0.port ?? port) == port }) else {
            throw refuse(
                "is of a host that this evaluator sends nothing to; its setting webhookHosts names "
                    + "those that it does")
        }
    }
}
