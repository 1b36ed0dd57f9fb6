import Hummingbird

/// The paths of the API, written once: for the router, for `Allow` headers and for the tests that
/// compare them with the OpenAPI document.
enum Routes {
    static let functions = "/v1/functions"
    static let function = "/v1/functions/{name}"
    static let versions = "/v1/functions/{name}/versions"
    static let invoke = "/v1/functions/{name}/invoke"
    static let calls = "/v1/calls"
    static let call = "/v1/calls/{id}"
    static let logs = "/v1/calls/{id}/logs"
    static let result = "/v1/calls/{id}/result"
    static let replay = "/v1/calls/{id}/replay"
    static let allLogs = "/v1/logs"
    static let health = "/healthz"
    static let readiness = "/readyz"
    static let openAPI = "/openapi.json"

    /// The methods of each path. `HEAD` comes with every `GET` (RFC 9110, section 9.1).
    static let methods: [(path: String, methods: [String])] = [
        (functions, ["GET", "HEAD"]),
        (function, ["GET", "HEAD", "PUT", "DELETE"]),
        (versions, ["GET", "HEAD"]),
        (invoke, ["POST"]),
        (calls, ["GET", "HEAD"]),
        (call, ["GET", "HEAD", "DELETE"]),
        (logs, ["GET", "HEAD"]),
        (result, ["GET", "HEAD"]),
        (replay, ["POST"]),
        (allLogs, ["GET", "HEAD"]),
        (health, ["GET", "HEAD"]),
        (readiness, ["GET", "HEAD"]),
        (openAPI, ["GET", "HEAD"]),
    ]

    /// The methods that the path of a request answers; none for an unknown path.
    static func methods(at path: String) -> [String] {
        let parts = path.split(separator: "/")
        return methods.first { route in
            let pattern = route.path.split(separator: "/")
            return pattern.count == parts.count
                && zip(pattern, parts).allSatisfy { $0.first == "{" || $0 == $1 }
        }?.methods ?? []
    }
}
