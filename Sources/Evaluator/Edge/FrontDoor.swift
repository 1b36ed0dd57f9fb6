import HTTPTypes
import Hummingbird

/// Comes before everything else that answers: refuses requests whose head is not as HTTP has it.
struct FrontDoor: RouterMiddleware {
    typealias Context = EvaluatorRequestContext

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        if let fault = request.head.fault {
            return try Problem(.badRequest, fault.rawValue).response()
        }
        return try await next(request, context)
    }
}

/// Keeps web pages out of Cloister's own API, which asks nobody who they are. A page of any origin can make a
/// browser send requests here, and one whose name is made to lead here (DNS rebinding) can read the answers.
struct OriginGuard: Sendable {
    /// Names that the evaluator has besides, in small letters: those of proxies before it.
    let hosts: Set<String>
    /// Whether only this machine reaches the evaluator, so that it goes by this machine's names alone.
    let isLocalOnly: Bool

    /// - Throws: `Problem`.
    func check(_ request: Request) throws {
        // What watches the evaluator asks these by any name, and they tell no secret.
        let path = request.uri.path
        guard path != Routes.health, path != Routes.readiness else { return }
        let own = request.head.authority.flatMap { Authority($0) }
        if let own, !isName(own) {
            throw Problem(
                .forbidden,
                "\"\(own.host.prefix(253))\" is no name of this evaluator; one behind a proxy has to be told the "
                    + "proxy's names with --hosts")
        }
        if let origin = request.headers[.origin], !isAllowed(origin, own) {
            throw Problem(
                .forbidden,
                "web pages of other origins may not use this API; name the page's host with --hosts to allow it"
            )
        }
        guard
            Self.site.flatMap({ request.headers[$0] }) != "cross-site"
                || request.headers[.origin] != nil
        else {
            throw Problem(.forbidden, "web pages of other origins may not use this API")
        }
    }

    /// Whether a name is one of the evaluator's. An address is never one that somebody else's name leads to.
    private func isName(_ authority: Authority) -> Bool {
        if authority.isThisMachine || hosts.contains(authority.host) { return true }
        return !isLocalOnly && (hosts.isEmpty || authority.isAddress)
    }

    /// What a browser says of where a request comes from (w3c.github.io/webappsec-fetch-metadata).
    private static let site = HTTPField.Name("Sec-Fetch-Site")

    /// - Parameter origin: `http://127.0.0.1:8080`, or `null`.
    private func isAllowed(_ origin: String, _ own: Authority?) -> Bool {
        guard let colon = origin.firstRange(of: "://"),
            let authority = Authority(origin[colon.upperBound...])
        else { return false }
        return hosts.contains(authority.host) || authority == own
    }
}
