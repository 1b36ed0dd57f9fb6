import Foundation
import FunctionRegistry

/// What Lambda's API knows of one version of a function beside what the registry does.
struct LambdaConfiguration: Codable, Sendable, Equatable {
    struct Layer: Codable, Sendable, Equatable {
        var arn: String
        var codeBytes: Int
    }

    /// The registry's version that this is.
    var registryVersion: Int
    /// A published version's number; `nil` for `$LATEST`.
    var number: Int?
    var runtime: String
    var role: String
    /// As it was given; the registry's has slashes where a Python package has dots.
    var handler: String
    var description: String
    var timeoutSeconds: Int
    var memoryMB: Int
    var tmpMB: Int
    var environment: [String: String]?
    /// Base64 of the SHA-256 of the archive.
    var codeSha256: String
    /// Bytes of the archive.
    var codeBytes: Int
    /// The archive in the registry; `nil` for code that came by another way.
    var archive: String?
    /// The registry's bundle, and its bytes.
    var bundle: String
    var bundleBytes: Int
    var layers: [Layer] = []
    /// The registry's bundle of all layers together.
    var mergedLayers: String?
    var architectures = ["x86_64"]
    /// Settings that are kept and shown and have no effect: `VpcConfig`, `TracingConfig`, `KMSKeyArn`,
    /// `DeadLetterConfig`, `SnapStart`.
    var inert: [String: JSONValue] = [:]
    var modifiedAtMs: Int64
    var revision: String
    /// When it was made or last changed, for `LambdaLife`; `nil` for what was settled long ago.
    var begunAtMs: Int64?
    /// Whether it was made by an update, not by a creation.
    var isUpdate: Bool?
    /// Whether it is a version that was published together with its code: such are shown as pending at first.
    var isPending: Bool?
    /// How what it prints is written down; see `LambdaLogging`.
    var logging: LambdaLogging?

    var version: String { number.map(String.init) ?? "$LATEST" }
}

/// What Lambda's API knows of a function: the document `lambda.function`.
struct LambdaFunction: Codable, Sendable, Equatable {
    struct Alias: Codable, Sendable, Equatable {
        var version: String
        var description: String
        /// Version and share of the calls, 0 to 1.
        var weights: [String: Double]
        var revision: String
    }

    struct Policy: Codable, Sendable, Equatable {
        var statements: [JSONValue]
        var revision: String
    }

    struct URLConfiguration: Codable, Sendable, Equatable {
        var id: String
        var authType: String
        var cors: JSONValue?
        var invokeMode: String
        var createdAtMs: Int64
        var modifiedAtMs: Int64
    }

    struct EventInvoke: Codable, Sendable, Equatable {
        var retries: Int?
        var maxAgeSeconds: Int?
        var onSuccess: String?
        var onFailure: String?
        var modifiedAtMs: Int64
    }

    struct Provisioned: Codable, Sendable, Equatable {
        var requested: Int
        var modifiedAtMs: Int64
    }

    var name: String
    var latest: LambdaConfiguration
    /// The number of the last version that was published.
    var lastPublished = 0
    /// The registry's version that the last published one was.
    var lastPublishedRegistryVersion: Int?
    /// The registry's version that `$LATEST` was then.
    var lastPublishedLatest: Int?
    var aliases: [String: Alias] = [:]
    var tags: [String: String] = [:]
    // By qualifier; those of the function as a whole are under "$LATEST".
    var policies: [String: Policy] = [:]
    var urls: [String: URLConfiguration] = [:]
    var eventInvokes: [String: EventInvoke] = [:]
    var provisioned: [String: Provisioned] = [:]
    var runtimeManagement: [String: JSONValue] = [:]
    var reservedConcurrency: Int?
    var recursiveLoop = "Terminate"
    /// What is taken of the account's concurrency, for sums over all functions; set when it is written.
    private(set) var claimedConcurrency: Int?

    static let collection = "lambda.function"
    static let versionCollection = "lambda.version"

    static func versionKey(_ name: String, _ number: Int) -> String {
        let digits = String(number)
        return "\(name):\(String(repeating: "0", count: max(0, 10 - digits.count)))\(digits)"
    }

    var provisionedConcurrency: Int { provisioned.values.reduce(0) { $0 + $1.requested } }

    /// Whether calls of a version, by a qualifier, have cells that are provisioned for them.
    func isProvisioned(_ version: String, as qualifier: String?) -> Bool {
        provisioned[version] != nil || qualifier.map { provisioned[$0] != nil } ?? false
    }

    /// The group that its calls' lines are in: the one that `$LATEST` names, else its own.
    var logGroup: String { latest.logging?.group ?? LambdaLogs.group(of: name) }

    /// What functions are found by whose group is not their own.
    static func logGroupLabel(_ group: String, region: String?) -> String {
        "\(region ?? ""):\(group)"
    }

    /// The function's document; written together with it go the documents of versions.
    func change() throws -> DocumentChange {
        var written = self
        let claimed = reservedConcurrency ?? provisionedConcurrency
        written.claimedConcurrency = claimed > 0 ? claimed : nil
        return .put(
            Document(
                collection: Self.collection, key: name, function: name, archive: latest.archive,
                label: latest.logging?.group.map {
                    Self.logGroupLabel($0, region: FunctionName(reading: name).region)
                },
                body: try encoded(written)))
    }

    func change(of version: LambdaConfiguration) throws -> DocumentChange {
        .put(
            Document(
                collection: Self.versionCollection,
                key: Self.versionKey(name, version.number ?? 0), function: name,
                archive: version.archive, body: try encoded(version)))
    }
}

/// JSON text with its fields in order.
func encoded(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
}

func decoded<Value: Decodable>(_ text: String, as type: Value.Type = Value.self) throws -> Value {
    try JSONDecoder().decode(type, from: Data(text.utf8))
}

/// A new revision id: of every change another.
func newRevision() -> String { UUID().uuidString.lowercased() }
