import Crypto
import Foundation

/// The key that a function's webhooks are signed with, as the Standard Webhooks specification
/// writes it: `whsec_` and base64.
public struct WebhookKey: Sendable {
    private let key: SymmetricKey

    /// - Throws: `RegistryError.invalidFunction` for the field `async.webhookSecret`.
    public init(_ text: String) throws {
        let prefix = "whsec_"
        guard text.hasPrefix(prefix), let bytes = Data(base64Encoded: String(text.dropFirst(6))),
            (24...64).contains(bytes.count)
        else {
            throw RegistryError.invalidFunction(
                field: "async.webhookSecret",
                message: "a webhookSecret is whsec_ and the base64 of 24 to 64 bytes; "
                    + "`echo whsec_$(openssl rand -base64 32)` makes one")
        }
        key = SymmetricKey(data: bytes)
    }

    /// The header `webhook-signature` of a request.
    /// - Parameter seconds: the header `webhook-timestamp`, seconds since 1970.
    public func signature(id: String, seconds: Int64, body: Data) -> String {
        var content = Data("\(id).\(seconds).".utf8)
        content += body
        let code = HMAC<SHA256>.authenticationCode(for: content, using: key)
        return "v1,\(Data(code).base64EncodedString())"
    }
}
