import ExecutorSupervisor
import FunctionRegistry

/// The field `async` of `PUT /v1/functions/{name}`.
struct AsyncFields: Decodable {
    var settings: AsyncSettings
    var webhookSecret: FunctionSpec.Secret?

    private enum Key: String, CodingKey, CaseIterable {
        case attempts, backoffMs, retryOn, maxAgeMs, onSuccess, onFailure, webhookSecret

        var expected: String {
            switch self {
            case .attempts, .backoffMs, .maxAgeMs: "an integer"
            case .retryOn: "an array of causes"
            case .onSuccess, .onFailure: "a string"
            case .webhookSecret: "a string or null"
            }
        }
    }

    private struct AnyKey: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// - Throws: `Problem` that names the field at fault.
    init(from decoder: any Decoder) throws {
        let names = try decoder.container(keyedBy: AnyKey.self).allKeys.map(\.stringValue)
        if let unknown = names.first(where: { Key(rawValue: $0) == nil }) {
            let known = Key.allCases.map(\.rawValue).joined(separator: ", ")
            throw Problem(
                .invalidFunction,
                "there is no field \"\(unknown.prefix(100))\" in async; known are: \(known)",
                field: "async.\(unknown.prefix(100))")
        }
        let values = try decoder.container(keyedBy: Key.self)
        func optional<T: Decodable>(_ key: Key, _ type: T.Type) throws -> T? {
            guard values.contains(key) else { return nil }
            do {
                return try values.decode(type, forKey: key)
            } catch {
                throw Problem(
                    .invalidFunction,
                    "async.\(key.rawValue) has to be \(key.expected); leave it out for the default",
                    field: "async.\(key.rawValue)")
            }
        }
        var settings = AsyncSettings()
        settings.attempts = try optional(.attempts, Int.self) ?? settings.attempts
        settings.backoffMs = try optional(.backoffMs, Int.self) ?? settings.backoffMs
        settings.maxAgeMs = try optional(.maxAgeMs, Int.self) ?? settings.maxAgeMs
        settings.retryOn = try optional(.retryOn, [String].self).map(Self.causes)
        settings.onSuccess = try optional(.onSuccess, String.self)
        settings.onFailure = try optional(.onFailure, String.self)
        self.settings = settings
        if let secret = try optional(.webhookSecret, String?.self) {
            webhookSecret = secret.map(FunctionSpec.Secret.value) ?? .kept
        }
    }

    /// Those that another attempt can change, in order and once.
    private static func causes(_ names: [String]) throws -> [String] {
        let known = CallCause.allCases.map(\.rawValue)
            .filter { !AsyncSettings.neverRetried.contains($0) }
        if let unknown = names.first(where: { !known.contains($0) }) {
            throw Problem(
                .invalidFunction,
                "\"\(unknown.prefix(100))\" in async.retryOn is no cause that can be retried; "
                    + "known are: \(known.joined(separator: ", "))",
                field: "async.retryOn")
        }
        return known.filter(names.contains)
    }
}
