import FunctionRegistry
import HTTPTypes
import Hummingbird

/// What the headers of an `invoke` request ask for.
struct CallPreferences {
    /// `Prefer: respond-async` (RFC 7240).
    var respondsAsync = false
    /// `Prefer: continue-on-disconnect`.
    var continuesOnDisconnect = false
    var idempotencyKey: String?

    private static let preferName = HTTPField.Name("Prefer")
    private static let keyName = HTTPField.Name("Idempotency-Key")

    /// - Throws: `Problem` for a key that is none. Preferences that nobody knows are ignored, as the
    ///   RFC has it.
    init(_ headers: HTTPFields) throws {
        if let name = Self.preferName {
            for field in headers[values: name] {
                for preference in field.split(separator: ",") {
                    let token = preference.prefix { $0 != ";" && $0 != "=" }
                    switch token.trimmingPrefix(while: \.isWhitespace).lowercased()
                        .split(separator: " ").first
                    {
                    case "respond-async": respondsAsync = true
                    case "continue-on-disconnect": continuesOnDisconnect = true
                    default: break
                    }
                }
            }
        }
        if let name = Self.keyName {
            let keys = headers[values: name]
            guard let key = keys.first else { return }
            guard keys.count == 1, (1...255).contains(key.utf8.count),
                key.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
            else {
                throw Problem(
                    .badRequest,
                    "the header Idempotency-Key has to be there once, with 1 to 255 visible ASCII "
                        + "characters")
            }
            idempotencyKey = key
        }
    }
}
