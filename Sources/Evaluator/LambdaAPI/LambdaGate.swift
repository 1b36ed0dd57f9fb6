import FunctionRegistry
import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization

/// Lets in what is signed with an access key; or everything, where only this machine can ask and there is
/// no key.
final class LambdaGate: Sendable {
    private let registry: FunctionRegistry
    /// Whether only this machine reaches the evaluator.
    private let listensOnLoopback: Bool
    private let secrets: Mutex<[String: String]>

    /// - Parameter secrets: of the access keys, by their ids.
    init(registry: FunctionRegistry, secrets: [String: String], isLoopback: Bool) {
        self.registry = registry
        listensOnLoopback = isLoopback
        self.secrets = Mutex(secrets)
    }

    /// Reads the keys anew; call it after each change of them.
    func reload() async throws {
        let read = try await registry.accessKeySecrets()
        secrets.withLock { $0 = read }
    }

    /// Whether requests need no signature.
    var isOpen: Bool { listensOnLoopback && secrets.withLock { $0.isEmpty } }

    typealias Signed = (claim: SignatureVerifier.Claim, secret: String)

    /// What of a request can be refused before its body is read.
    /// - Returns: `nil` where no signature is needed.
    /// - Throws: `LambdaError`.
    func claim(_ request: Request) throws -> Signed? {
        if isOpen {
            try Self.requireLocalProgram(request)
            return nil
        }
        guard let claim = try SignatureVerifier.claim(request) else {
            throw LambdaError(
                "MissingAuthenticationTokenException", 403, "Missing Authentication Token")
        }
        guard let secret = secrets.withLock({ $0[claim.keyID] }) else {
            throw LambdaError(
                "UnrecognizedClientException", 403,
                "The security token included in the request is invalid.")
        }
        return (claim, secret)
    }

    /// Refuses what a web page makes a browser send (its own origin, or a name of its own that leads here),
    /// and what a proxy on this machine hands on from elsewhere.
    private static func requireLocalProgram(_ request: Request) throws {
        guard request.isFromThisMachine else {
            throw LambdaError(
                "AccessDeniedException", 403,
                "Web pages, proxies, and names that are not this machine's own, may not ask without a "
                    + "signature; make a key with fnctl keys create")
        }
    }

    /// - Parameter service: `lambda` or `logs`.
    /// - Throws: `LambdaError`.
    func check(
        _ signed: Signed?, service: String, _ request: Request, body: ByteBuffer
    ) throws {
        guard let signed else { return }
        try SignatureVerifier.verify(
            signed.claim, secret: signed.secret, service: service, request, body: body)
    }
}
