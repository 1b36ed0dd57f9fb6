import Foundation
import FunctionRegistry
import NIOCore

/// The body of `PUT /v1/functions/{name}`.
struct FunctionBody: Sendable {
    var spec: FunctionSpec
    var code: FunctionCode

    /// The largest body, with a bundle in base64: 70 MB.
    static let maximumBytes = 70 << 20

    /// - Throws: `Problem`, which names the field where one is at fault.
    static func read(_ buffer: ByteBuffer) async throws -> FunctionBody {
        try await Aside.shared.run(for: buffer.readableBytes) { try FunctionBody(buffer) }
    }

    private init(_ buffer: ByteBuffer) throws {
        do {
            try buffer.withUnsafeReadableBytes { try JSONValidator.check($0) }
        } catch let fault as JSONFault {
            throw Problem(.badRequest, "the body is not JSON: \(fault.message)")
        }
        let fields: Fields
        do {
            fields = try JSONDecoder().decode(Fields.self, from: Data(buffer.readableBytesView))
        } catch is DecodingError {
            throw Problem(.invalidFunction, "the body has to be a JSON object")
        }
        spec = fields.spec
        switch (fields.code, fields.zip) {
        case (let text?, nil): code = .source(text)
        case (nil, let base64?):
            guard let bytes = Data(base64Encoded: base64) else {
                throw Problem(
                    .invalidFunction,
                    "zip is not base64 as in RFC 4648, section 4, without line breaks",
                    field: "zip")
            }
            code = .zip(Array(bytes))
        case (nil, nil):
            throw Problem(
                .invalidFunction, "there is no code; give a source text in code or a bundle in zip",
                field: "code")
        default:
            throw Problem(
                .invalidFunction, "code and zip cannot both be there; leave one out", field: "zip")
        }
    }

    private struct Fields: Decodable {
        var spec: FunctionSpec
        var code: String?
        var zip: String?

        private enum Key: String, CodingKey, CaseIterable {
            case runtime, handler, code, zip, timeoutMs, memoryMB, tmpMB, env, secretEnv
            case concurrency, async, isolation, description

            /// The type of the field, in words.
            var expected: String {
                switch self {
                case .timeoutMs, .memoryMB, .tmpMB, .concurrency: "an integer"
                case .env: "an object whose values are strings"
                case .secretEnv: "an object whose values are strings or null"
                case .async: "an object"
                default: "a string"
                }
            }
        }

        private struct AnyKey: CodingKey {
            var stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        init(from decoder: any Decoder) throws {
            for key in try decoder.container(keyedBy: AnyKey.self).allKeys {
                guard Key(rawValue: key.stringValue) != nil else {
                    let known = Key.allCases.map(\.rawValue).joined(separator: ", ")
                    throw Problem(
                        .invalidFunction,
                        "there is no field \"\(key.stringValue.prefix(100))\"; known are: \(known)",
                        field: String(key.stringValue.prefix(100)))
                }
            }
            let values = try decoder.container(keyedBy: Key.self)
            func optional<T: Decodable>(_ key: Key, _ type: T.Type) throws -> T? {
                guard values.contains(key) else { return nil }
                do {
                    // Not decodeIfPresent: null is a wrong type, not an absent field.
                    return try values.decode(type, forKey: key)
                } catch let problem as Problem {
                    throw problem
                } catch {
                    // Of any type: for a number that does not fit it is not a DecodingError yet.
                    throw Problem(
                        .invalidFunction,
                        "\(key.rawValue) has to be \(key.expected); leave it out for the default",
                        field: key.rawValue)
                }
            }
            guard let runtimeName = try optional(.runtime, String.self) else {
                throw Problem(
                    .invalidFunction, "runtime is missing; it can be python or javascript",
                    field: "runtime")
            }
            guard let runtime = FunctionRuntime(rawValue: runtimeName) else {
                throw Problem(
                    .invalidFunction,
                    "there is no runtime \"\(runtimeName.prefix(100))\"; it can be python or javascript",
                    field: "runtime")
            }
            var spec = FunctionSpec(runtime: runtime)
            spec.handler = try optional(.handler, String.self) ?? spec.handler
            spec.timeoutMs = try optional(.timeoutMs, Int.self) ?? spec.timeoutMs
            spec.memoryMB = try optional(.memoryMB, Int.self) ?? spec.memoryMB
            spec.tmpMB = try optional(.tmpMB, Int.self) ?? spec.tmpMB
            spec.environment = try optional(.env, [String: String].self) ?? [:]
            let secrets = try optional(.secretEnv, [String: String?].self) ?? [:]
            spec.secrets = secrets.mapValues { $0.map(FunctionSpec.Secret.value) ?? .kept }
            spec.concurrency = try optional(.concurrency, Int.self)
            if let fields = try optional(.async, AsyncFields.self) {
                spec.async = fields.settings
                spec.webhookSecret = fields.webhookSecret
            }
            if let name = try optional(.isolation, String.self) {
                guard let isolation = FunctionIsolation(rawValue: name) else {
                    throw Problem(
                        .invalidFunction,
                        "there is no isolation \"\(name.prefix(100))\"; it can be call, snapshot or reuse",
                        field: "isolation")
                }
                spec.isolation = isolation
            }
            spec.description = try optional(.description, String.self)
            self.spec = spec
            code = try optional(.code, String.self)
            zip = try optional(.zip, String.self)
        }
    }
}
