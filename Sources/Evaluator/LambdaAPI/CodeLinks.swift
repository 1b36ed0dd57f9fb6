import Crypto
import Foundation
import FunctionRegistry
import Hummingbird
import NIOCore

/// Links to the archives of functions and layers, which are good for ten minutes and for one archive.
struct CodeLinks: Sendable {
    static let prefix = "/lambda-code/"
    private static let lifetimeMs: Int64 = 600_000
    private let registry: FunctionRegistry
    private let files = FileIO()
    /// Links end with the evaluator that made them.
    private let key = SymmetricKey(size: .bits256)

    init(registry: FunctionRegistry) {
        self.registry = registry
    }

    func link(to archive: String, host: String) -> String {
        let expires = currentTimeMs() + Self.lifetimeMs
        let path = "\(Self.prefix)\(archive)?expires=\(expires)&signature="
        return "http://\(host)\(path)\(signature(archive, "\(expires)"))"
    }

    private func signature(_ archive: String, _ expires: String) -> String {
        HMAC<SHA256>.authenticationCode(for: Data("\(archive) \(expires)".utf8), using: key)
            .map { String(format: "%02x", $0) }.joined()
    }

    /// The archive that a link leads to, in pieces: it can be large, and clients slow.
    func answer(
        _ address: LambdaAddress, _ context: some RequestContext
    ) async throws -> Response {
        let archive = String(address.path.dropFirst(Self.prefix.count))
        let (expires, given) = (address.values["expires"] ?? "", address.values["signature"] ?? "")
        guard let time = Int64(expires), time > currentTimeMs(),
            given.utf8.count == 64,
            // Whole, so that the time it takes tells nothing.
            zip(given.utf8, signature(archive, expires).utf8).reduce(0, { $0 | ($1.0 ^ $1.1) }) == 0
        else {
            throw LambdaError("AccessDeniedException", 403, "The link is not, or no longer, good")
        }
        do {
            return Response(
                status: .ok, headers: [.contentType: "application/zip"],
                body: try await files.loadFile(
                    path: registry.archivePath(archive), context: context))
        } catch let error as HTTPError where error.status == .notFound {
            throw LambdaError.notFound(
                "The archive is not kept: the function came by another way, or has changed")
        }
    }
}
