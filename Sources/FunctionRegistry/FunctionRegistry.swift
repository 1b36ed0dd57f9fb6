import Foundation
import GRDB
import Logging
import Synchronization

/// Functions and their versions, bundles, and the records of calls, in one data directory:
///
///     DIRECTORY/lock              held while the registry is open
///     DIRECTORY/registry.sqlite   functions, versions, call records, logs
///     DIRECTORY/secrets.key       what secret values are encrypted with
///     DIRECTORY/bundles/<sha256>  the unpacked code of versions
///     DIRECTORY/archives/<sha256> archives as they were sent, where an API keeps them
///
/// The process may be killed at any moment: a version is on the disk before `put` answers, and
/// whatever was half done is undone at the next start.
public final class FunctionRegistry: Sendable {
    /// The records of calls.
    public let calls: CallRecorder
    private let lock: DirectoryLock
    let database: DatabasePool
    let bundles: BundleStore
    let secrets: SecretStore
    let archiveRoot: String
    let archiveQueue = WorkQueue(label: "archives")
    let archivesInUse = Mutex<[String: Int]>([:])
    let space: DiskSpace

    /// Opens the registry, and creates it where there is none.
    /// - Parameter directory: its path; made with its parents when it does not exist.
    /// - Throws: `RegistryError.directoryInUse`, `.storage`.
    public init(
        directory: String, bundleLimits: BundleLimits = BundleLimits(),
        space spaceLimits: SpaceLimits = SpaceLimits(),
        retention: CallRetention = CallRetention(),
        backlog: CallBacklogLimits = CallBacklogLimits(),
        logger: Logger = Logger(label: "cloister.registry")
    ) throws {
        let isNew = !isDirectory(directory)
        try makeDirectories(directory)
        // Environments and logs are in there. A folder that was given keeps the mode it has.
        if isNew { try posix("set the mode of", directory) { chmod(directory, 0o700) } }
        archiveRoot = "\(directory)/archives"
        lock = try DirectoryLock(directory: directory)
        space = DiskSpace(directory: directory, limits: spaceLimits)
        bundles = try BundleStore(
            root: "\(directory)/bundles", limits: bundleLimits, space: space, logger: logger)
        secrets = SecretStore(keyring: try SecretKeyring(directory: directory))
        try makePrivateFile("\(directory)/registry.sqlite")
        database = try storageErrors("open \(directory)/registry.sqlite") {
            let database = try DatabasePool(
                path: "\(directory)/registry.sqlite", configuration: Self.configuration)
            try Schema.migrator.migrate(database)
            return database
        }
        calls = try CallRecorder(
            store: CallStore(database: database, retention: retention), backlog: backlog,
            logger: logger)
        // Bundles that were stored or dereferenced just before the process was killed.
        // All in one read: there may be tens of thousands.
        let (referenced, archives) = try storageErrors("list the bundles of all versions") {
            try database.read { db in
                (
                    try String.fetchSet(
                        db,
                        sql: """
                            SELECT codeSha256 FROM functionVersion
                            UNION SELECT layers FROM functionVersion WHERE layers IS NOT NULL
                            UNION SELECT bundle FROM document WHERE bundle IS NOT NULL
                            """),
                    try String.fetchSet(
                        db, sql: "SELECT archive FROM document WHERE archive IS NOT NULL")
                )
            }
        }
        try makeDirectories(archiveRoot)
        try Self.sweepArchives(archiveRoot, referenced: archives)
        for sha256 in try bundles.storedBundles() where !referenced.contains(sha256) {
            try removeTree("\(bundles.root)/\(sha256)")
        }
        for name in try directoryEntries(archiveRoot) {
            space.note("archive \(name)", bytes: try takenBytes("\(archiveRoot)/\(name)"))
        }
        bundles.measure()
    }

    /// The folder that holds each bundle under its hash.
    public var bundleRoot: String { bundles.root }

    // MARK: Changing functions

    /// Registers a version of `name`.
    /// - Returns: the newest version, and whether this made it; `created` is false when the newest
    ///   version has the same content and settings.
    /// - Throws: `RegistryError.invalidFunction`, `.invalidBundle`, `.storage`.
    public func put(
        _ name: String, spec: FunctionSpec, code: FunctionCode, options: PutOptions = PutOptions()
    ) async throws -> (version: FunctionVersion, created: Bool) {
        try FunctionSpec.validate(name: name)
        try spec.validate(hasFile: options.requiresHandlerFile)
        let handler =
            options.requiresHandlerFile
            ? try HandlerName(spec.handler, runtime: spec.runtime) : nil
        let bundle = try await bundles.store(code, handler: handler, runtime: spec.runtime)
        var held = [bundle.sha256]
        do {
            var layers: String?
            if !spec.layers.isEmpty {
                let merged = try await bundles.merge(spec.layers).sha256
                held.append(merged)
                layers = merged
            }
            let result = try await commit(
                name, spec: spec, bundle: bundle, layers: layers, options: options)
            for sha256 in held { bundles.endPut(sha256) }
            return result
        } catch {
            for sha256 in held { bundles.endPut(sha256) }
            // Perhaps no version refers to what was stored for this one.
            try await collect(held)
            throw error
        }
    }

    private func commit(
        _ name: String, spec: FunctionSpec, bundle: (sha256: String, bytes: Int), layers: String?,
        options: PutOptions
    ) async throws -> (version: FunctionVersion, created: Bool) {
        try await durably("register \(name)") { [secrets] db in
            let row = try FunctionRow.fetchOne(db, key: name)
            if options.mustBeNew, let row, !row.isDeleted {
                throw RegistryError.functionExists(name: name)
            }
            var candidate = FunctionVersion(
                name: name, version: (row?.lastVersion ?? 0) + 1, spec: spec,
                codeSha256: bundle.sha256, codeBytes: bundle.bytes, createdAtMs: currentTimeMs())
            candidate.layers = layers
            var values: FunctionSecrets
            if let row, !row.isDeleted,
                let newest = try FunctionVersion.fetchOne(
                    db, key: ["name": name, "version": row.lastVersion])
            {
                let old = try secrets.secrets(of: name, version: newest.version, db)
                values = try SecretStore.resolve(spec, newest: old)
                if !options.isAlwaysNew, newest.isSame(as: candidate), values == old {
                    return (newest, false)
                }
            } else {
                values = try SecretStore.resolve(spec, newest: nil)
            }
            let firstVersion =
                row.map { $0.isDeleted ? candidate.version : $0.firstVersion } ?? candidate.version
            try FunctionRow(
                name: name, lastVersion: candidate.version, firstVersion: firstVersion,
                isDeleted: false
            ).save(db)
            try candidate.insert(db)
            try secrets.insert(values, of: name, version: candidate.version, db)
            for change in try options.documents?(candidate) ?? [] { try change.apply(db) }
            return (candidate, true)
        }
    }

    /// Removes a function with all its versions, its idempotency keys, what is counted of it, and the bundles
    /// that only it referred to. The records of its calls stay.
    /// - Returns: false when there is no such function.
    public func delete(_ name: String) async throws -> Bool {
        let removed: FreedFiles? = try await durably("delete \(name)") { db in
            guard var row = try FunctionRow.fetchOne(db, key: name), !row.isDeleted else {
                return nil
            }
            row.isDeleted = true
            try row.update(db)
            var freed = try Self.files(of: name, version: nil, db)
            let documents = Document.filter(sql: "function = ?", arguments: [name])
            for document in try documents.fetchAll(db) { freed.add(document) }
            _ = try documents.deleteAll(db)
            try db.execute(sql: "DELETE FROM functionVersion WHERE name = ?", arguments: [name])
            // Or the next function of this name would answer with this one's results, and be said to fail.
            for table in ["idempotency", "failing"] {
                try db.execute(sql: "DELETE FROM \(table) WHERE function = ?", arguments: [name])
            }
            return freed
        }
        guard let removed else { return false }
        try await collect(removed)
        return true
    }

    /// Removes one version that is not the newest, with documents of it.
    /// - Returns: false when there is no such version, or it is the newest.
    public func delete(
        _ name: String, version: Int, documents: [DocumentChange]
    ) async throws -> Bool {
        let removed: FreedFiles? = try await durably("delete \(name) \(version)") { db in
            guard let row = try FunctionRow.fetchOne(db, key: name), !row.isDeleted,
                row.lastVersion != version
            else { return nil }
            var freed = try Self.files(of: name, version: version, db)
            guard !freed.bundles.isEmpty else { return nil }
            let files = try Self.files(documents, db)
            freed.bundles.formUnion(files.bundles)
            freed.archives.formUnion(files.archives)
            for change in documents { try change.apply(db) }
            try db.execute(
                sql: "DELETE FROM functionVersion WHERE name = ? AND version = ?",
                arguments: [name, version])
            return freed
        }
        guard let removed else { return false }
        try await collect(removed)
        return true
    }

    /// The bundles of a function's versions, or of one.
    private static func files(of name: String, version: Int?, _ db: Database) throws -> FreedFiles {
        let bundles = try String.fetchSet(
            db,
            sql: """
                SELECT codeSha256 FROM functionVersion WHERE name = :name
                    AND version = coalesce(:version, version)
                UNION SELECT layers FROM functionVersion WHERE name = :name
                    AND version = coalesce(:version, version) AND layers IS NOT NULL
                """, arguments: ["name": name, "version": version])
        return FreedFiles(bundles: bundles)
    }

    /// Encrypts every secret value anew, with a new key, and forgets the old keys.
    /// - Returns: how many values there are.
    public static func rotateSecrets(directory: String) async throws -> Int {
        guard FileManager.default.fileExists(atPath: "\(directory)/registry.sqlite") else {
            throw RegistryError.storage(message: "there is no registry in \(directory)")
        }
        let registry = try FunctionRegistry(directory: directory)
        var keyring = registry.secrets.keyring
        try keyring.addKey()
        let store = SecretStore(keyring: keyring)
        let count = try await registry.durably("encrypt the secrets anew") { db in
            try store.reseal(db) + Self.resealAccessKeys(store, db)
        }
        try keyring.forgetOldKeys()
        return count
    }

    // MARK: Bundles of calls

    /// Keeps a bundle on the disk until `releaseBundle(_:)`, for a call that is going to run it, even
    /// when its function is deleted meanwhile. Never waits.
    /// - Throws: `RegistryError.bundleGone` when no version refers to the bundle any more.
    public func acquireBundle(_ sha256: String) throws { try bundles.acquire(sha256) }

    /// Gives back what `acquireBundle(_:)` took. Never waits.
    public func releaseBundle(_ sha256: String) { bundles.release(sha256) }

    func collect(_ freed: FreedFiles) async throws {
        try await collect(Array(freed.bundles))
        try await collectArchives(freed.archives)
    }

    func collect(_ candidates: [String]) async throws {
        try await bundles.collect(candidates) { [database] in
            try Self.isReferenced($0, in: database)
        }
    }

    private static func isReferenced(_ sha256: String, in database: DatabasePool) throws -> Bool {
        try storageErrors("look up the bundle \(sha256)") {
            try database.read { db in
                try Bool.fetchOne(
                    db,
                    sql: """
                        SELECT EXISTS (SELECT 1 FROM functionVersion WHERE codeSha256 = :sha256)
                            OR EXISTS (SELECT 1 FROM functionVersion WHERE layers = :sha256)
                            OR EXISTS (SELECT 1 FROM document WHERE bundle = :sha256)
                        """,
                    arguments: ["sha256": sha256]) ?? false
            }
        }
    }

    // MARK: The database

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "registry"
        // Reads of logs and lists can hold four for long.
        configuration.maximumReaderCount = 8
        // Another process can only be a person who looks at the database.
        configuration.busyMode = .timeout(5)
        return configuration
    }

    func read<T: Sendable>(
        _ what: String, _ body: @escaping @Sendable (Database) throws -> T
    ) async throws -> T {
        do {
            return try await database.read(body)
        } catch let error as DatabaseError {
            throw RegistryError(error, what)
        }
    }

    /// Runs one transaction that is on the disk when this returns.
    func durably<T: Sendable>(
        _ what: String, _ body: @escaping @Sendable (Database) throws -> T
    ) async throws -> T {
        do {
            return try await database.writeWithoutTransaction { db in
                try db.durableTransaction { try body(db) }
            }
        } catch let error as DatabaseError {
            throw RegistryError(error, what)
        }
    }
}

/// Turns the database's own errors into `RegistryError.storage` that says what was being done.
func storageErrors<T>(_ what: String, _ body: () throws -> T) throws -> T {
    do {
        return try body()
    } catch let error as DatabaseError {
        throw RegistryError(error, what)
    }
}
