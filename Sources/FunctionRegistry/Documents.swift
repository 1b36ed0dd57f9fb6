import Foundation
import GRDB

/// JSON that an API keeps beside the functions. The registry does not read it.
public struct Document: Sendable, Equatable, Codable {
    public var collection: String
    /// Documents of a collection are listed in the order of their keys.
    public var key: String
    /// The function that it goes with: it is removed together with it.
    public var function: String?
    /// The bundle that stays as long as this does.
    public var bundle: String?
    /// The archive that stays as long as this does; see `FunctionRegistry.withArchive(_:_:)`.
    public var archive: String?
    /// What it is found by besides its key.
    public var label: String?
    /// JSON text.
    public var body: String

    public init(
        collection: String, key: String, function: String? = nil, bundle: String? = nil,
        archive: String? = nil, label: String? = nil, body: String
    ) {
        self.collection = collection
        self.key = key
        self.function = function
        self.bundle = bundle
        self.archive = archive
        self.label = label
        self.body = body
    }
}

extension Document: FetchableRecord, PersistableRecord {
    public static let databaseTableName = "document"
}

/// What is to become of a document.
public enum DocumentChange: Sendable {
    case put(Document)
    case remove(collection: String, key: String)

    func apply(_ db: Database) throws {
        switch self {
        case .put(let document): try document.upsert(db)
        case .remove(let collection, let key):
            try db.execute(
                sql: "DELETE FROM document WHERE collection = ? AND key = ?",
                arguments: [collection, key])
        }
    }
}

extension FunctionRegistry {
    public func document(_ collection: String, _ key: String) async throws -> Document? {
        try await read("read \(collection) \(key)") { db in
            try Document.fetchOne(db, key: ["collection": collection, "key": key])
        }
    }

    /// The documents of a collection whose keys begin with a prefix, in the order of the keys.
    /// - Parameters:
    ///   - key: list from behind this one.
    ///   - limit: at least 1.
    public func documents(
        _ collection: String, prefix: String = "", after key: String = "", limit: Int = .max
    ) async throws -> [Document] {
        try await read("list \(collection)") { db in
            try Document.fetchAll(
                db,
                sql: """
                    SELECT * FROM document WHERE collection = ? AND key > ? AND key >= ? AND key < ?
                    ORDER BY key LIMIT ?
                    """,
                arguments: [collection, key, prefix, prefix + "\u{10FFFF}", limit])
        }
    }

    /// The documents of a collection with a label, in the order of the keys.
    /// - Parameter limit: at least 1.
    public func documents(
        _ collection: String, label: String, limit: Int
    ) async throws -> [Document] {
        try await read("list \(collection)") { db in
            try Document.fetchAll(
                db,
                sql: """
                    SELECT * FROM document WHERE collection = ? AND label = ? ORDER BY key LIMIT ?
                    """, arguments: [collection, label, limit])
        }
    }

    /// The last document of a collection, among those whose keys begin with a prefix, that has a number in a field
    /// of its body.
    public func document(
        _ collection: String, prefix: String, field: String, number: Int
    ) async throws -> Document? {
        try await read("look into \(collection)") { db in
            try Document.fetchOne(
                db,
                sql: """
                    SELECT * FROM document WHERE collection = ? AND key >= ? AND key < ?
                        AND json_extract(body, '$.' || ?) = ? ORDER BY key DESC LIMIT 1
                    """,
                arguments: [collection, prefix, prefix + "\u{10FFFF}", field, number])
        }
    }

    /// The sum of a number that is in a field of a collection's documents.
    public func sum(_ collection: String, of field: String) async throws -> Int {
        try await read("add up \(collection)") { db in
            try Int.fetchOne(
                db,
                sql: """
                    SELECT sum(json_extract(body, '$.' || ?)) FROM document WHERE collection = ?
                    """, arguments: [field, collection]) ?? 0
        }
    }

    /// Makes all of these changes or none; they are on the disk when this returns. Bundles and archives
    /// that nothing refers to any more go.
    public func write(_ changes: [DocumentChange]) async throws {
        let freed = try await durably("write \(changes.count) documents") { db in
            let freed = try Self.files(changes, db)
            for change in changes { try change.apply(db) }
            return freed
        }
        try await collect(freed)
    }

    /// The files that the documents to be changed refer to now.
    static func files(_ changes: [DocumentChange], _ db: Database) throws -> FreedFiles {
        var freed = FreedFiles()
        for change in changes {
            let (collection, key) =
                switch change {
                case .put(let document): (document.collection, document.key)
                case .remove(let collection, let key): (collection, key)
                }
            if let old = try Document.fetchOne(db, key: ["collection": collection, "key": key]) {
                freed.add(old)
            }
        }
        return freed
    }
}

/// Bundles and archives that have lost one of those who need them.
struct FreedFiles: Sendable {
    var bundles: Set<String> = []
    var archives: Set<String> = []

    mutating func add(_ document: Document) {
        if let bundle = document.bundle { bundles.insert(bundle) }
        if let archive = document.archive { archives.insert(archive) }
    }
}

extension FunctionRegistry {
    /// Unpacks an archive as a bundle of its own, and keeps it with the document that `document` makes.
    /// - Parameter document: is told the bundle's hash and its bytes, unpacked; has to refer to the bundle.
    /// - Throws: `RegistryError.invalidBundle`, `.storage`.
    public func putLayer(
        _ archive: [UInt8], document: @Sendable (_ sha256: String, _ bytes: Int) throws -> Document
    ) async throws {
        let bundle = try await bundles.storeLayer(archive)
        do {
            try await write([.put(document(bundle.sha256, bundle.bytes))])
            bundles.endPut(bundle.sha256)
        } catch {
            bundles.endPut(bundle.sha256)
            try await collect([bundle.sha256])
            throw error
        }
    }
}

extension FunctionRegistry {
    /// Unpacks an archive and throws the files away.
    /// - Throws: `RegistryError.invalidBundle` when it could not be a bundle, `.storage`.
    public func check(_ archive: [UInt8]) async throws {
        let bundle = try await bundles.storeLayer(archive)
        bundles.endPut(bundle.sha256)
        try await collect([bundle.sha256])
    }
}
