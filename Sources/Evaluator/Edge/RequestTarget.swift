import HTTPTypes
import NIOHTTP1

/// Whom and what a request is for, as RFC 9112, section 3.2 has it.
enum RequestTarget {
    /// What makes a request's head one that is refused; the raw value says it to the client.
    enum Fault: String {
        case noHost =
            "the request has no Host header, which HTTP/1.1 asks for; send one"
        case severalHosts = "the request has more than one Host header; send one"
        case badHost =
            "the Host header is not a host and a port such as 127.0.0.1:8080, without a user part"
        case badTarget =
            "the request's target is neither a path nor an http address"
    }

    /// Resolves a target that is a whole address: its host counts, not that of the header (section 3.2.2).
    /// - Returns: what is wrong, if something is.
    static func resolve(_ head: inout HTTPRequestHead) -> Fault? {
        var host: String?
        for (name, value) in head.headers where name.utf8.count == 4 && isHost(name) {
            guard host == nil else { return .severalHosts }
            host = value
        }
        guard let host else {
            return head.isOld ? nil : .noHost
        }
        guard Authority(host) != nil else { return .badHost }
        let first = head.uri.utf8.first
        // `*` is the target of OPTIONS; that of CONNECT is an authority, which no route has.
        if first == UInt8(ascii: "/") || head.uri == "*" || head.method == .CONNECT { return nil }
        return resolveAbsolute(&head)
    }

    private static func isHost(_ name: String) -> Bool { name.lowercased() == "host" }

    private static func resolveAbsolute(_ head: inout HTTPRequestHead) -> Fault? {
        guard let colon = head.uri.firstRange(of: "://"),
            ["http", "https"].contains(head.uri[..<colon.lowerBound].lowercased())
        else { return .badTarget }
        let rest = head.uri[colon.upperBound...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard Authority(authority) != nil else { return .badTarget }
        let path = rest.dropFirst(authority.count)
        head.headers.replaceOrAdd(name: "Host", value: String(authority))
        head.uri = path.first == "/" ? String(path) : "/\(path)"
        return nil
    }
}

extension HTTPRequestHead {
    /// The client speaks HTTP/1.0.
    var isOld: Bool { version.major == 1 && version.minor == 0 }
}

extension HTTPRequest {
    /// What is wrong with the head. It travels in the field of extended CONNECT (RFC 8441), which HTTP/1 does
    /// not have, so that no client can set it.
    var fault: RequestTarget.Fault? {
        get { extendedConnectProtocol.flatMap(RequestTarget.Fault.init(rawValue:)) }
        set { extendedConnectProtocol = newValue?.rawValue }
    }
}
