import Foundation
import GRDB

/// One version of a function. Never changes once it exists.
public struct FunctionVersion: Sendable, Equatable, Codable {
    public var name: String
    /// 1 for the first one that ever had this name.
    public var version: Int
    public var runtime: FunctionRuntime
    /// `file.function`.
    public var handler: String
    /// Lower-case hex SHA-256 of the bundle: the name of its folder in the bundle store.
    public var codeSha256: String
    /// Bytes of all files of the bundle, unpacked.
    public var codeBytes: Int
    public var timeoutMs: Int
    public var memoryMB: Int
    public var tmpMB: Int
    public var environment: [String: String]
    /// The names of the variables whose values `FunctionRegistry.secrets(of:)` knows.
    public var secretNames: [String]
    public var concurrency: Int?
    public var async: AsyncSettings?
    public var isolation: FunctionIsolation
    /// The bundle that is at /opt.
    public var layers: String?
    public var description: String?
    /// Milliseconds since 1970 in UTC.
    public var createdAtMs: Int64

    public init(
        name: String, version: Int, spec: FunctionSpec, codeSha256: String, codeBytes: Int,
        createdAtMs: Int64
    ) {
        self.name = name
        self.version = version
        runtime = spec.runtime
        handler = spec.handler
        self.codeSha256 = codeSha256
        self.codeBytes = codeBytes
        timeoutMs = spec.timeoutMs
        memoryMB = spec.memoryMB
        tmpMB = spec.tmpMB
        environment = spec.environment
        secretNames = spec.secrets.keys.sorted()
        concurrency = spec.concurrency
        self.async = spec.async
        isolation = spec.isolation
        description = spec.description?.isEmpty == true ? nil : spec.description
        self.createdAtMs = createdAtMs
    }

    /// Whether `other` does the same: everything is equal but number and time.
    func isSame(as other: FunctionVersion) -> Bool {
        var other = other
        other.version = version
        other.createdAtMs = createdAtMs
        return self == other
    }
}

extension FunctionRuntime: DatabaseValueConvertible {}
extension FunctionIsolation: DatabaseValueConvertible {}

extension FunctionVersion: FetchableRecord, PersistableRecord {
    public static let databaseTableName = "functionVersion"

    public static func databaseJSONEncoder(for column: String) -> JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }
}

/// The row that keeps count of a name's versions, also after the function was deleted.
struct FunctionRow: Codable, FetchableRecord, PersistableRecord {
    static let databaseTableName = "function"

    var name: String
    var lastVersion: Int
    /// Those before it are of functions that were deleted.
    var firstVersion: Int
    var isDeleted: Bool
}
