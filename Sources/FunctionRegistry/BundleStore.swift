import Foundation
import Glibc
import Logging

/// The folder of unpacked bundles: `ROOT/<sha256>/…`, each written once and never changed.
///
/// A bundle is written to a temporary name, made durable file by file and folder by folder, and then
/// renamed, so a folder with a bundle's name is always complete. All changes run one after the other
/// on one queue: at most one archive is being unpacked at a time, and removing a bundle cannot
/// interfere with storing the same one again.
final class BundleStore: Sendable {
    /// Absolute, or relative to the working directory, as the registry's directory was given.
    let root: String
    private let limits: BundleLimits
    private let space: DiskSpace
    private let leases = BundleLeases()
    private let queue = WorkQueue(label: "bundle store")
    private let logger: Logger

    /// Opens the store and removes what an interrupted write left behind.
    init(root: String, limits: BundleLimits, space: DiskSpace, logger: Logger) throws {
        self.root = root
        self.limits = limits
        self.space = space
        self.logger = logger
        try makeDirectories(root)
        for name in try directoryEntries(root) where name.hasPrefix(Self.temporaryPrefix) {
            try removeTree("\(root)/\(name)")
        }
    }

    /// What temporary folders begin with; no hash does.
    private static let temporaryPrefix = ".tmp-"

    /// Stores a function's code. Until `endPut(_:)` it is not collected: the caller says so once a
    /// version refers to it, or once it is clear that none will.
    /// - Throws: `RegistryError.invalidBundle`, `.storage`.
    /// - Parameters:
    ///   - handler: the one whose file has to be there; `nil` when that is found out later.
    ///     A single source text needs one, as it becomes that file.
    func store(
        _ code: FunctionCode, handler: HandlerName?, runtime: FunctionRuntime
    ) async throws -> (sha256: String, bytes: Int) {
        if case .bundle(let sha256, let bytes) = code {
            try await queue.run { [self] in
                guard isDirectory("\(root)/\(sha256)") else {
                    throw RegistryError.bundleGone(sha256: sha256)
                }
                // The version itself takes some.
                try space.room(for: 0)
                leases.beginPut(sha256)
            }
            return (sha256, bytes)
        }
        return try await place { [self] folder, limits in
            try unpack(code, into: folder, handler: handler, runtime: runtime, limits: limits)
        }
    }

    /// Makes a bundle out of what `fill` writes into an empty folder.
    func place(
        _ fill:
            @escaping @Sendable (_ folder: String, _ limits: BundleLimits) throws ->
            BundleListing
    ) async throws -> (sha256: String, bytes: Int) {
        try await queue.run { [self] in
            var limits = limits
            limits.room = try space.room()
            let temporary = "\(root)/\(Self.temporaryPrefix)\(UUID().uuidString)"
            try makeDirectory(temporary)
            do {
                let listing = try fill(temporary, limits)
                try place(temporary, as: listing.sha256)
                space.note(listing.sha256, bytes: try takenBytes("\(root)/\(listing.sha256)"))
                leases.beginPut(listing.sha256)
                return (listing.sha256, listing.bytes)
            } catch {
                discard(temporary)
                throw error
            }
        }
    }

    /// Ends what `store` began. Never waits.
    func endPut(_ sha256: String) { leases.endPut(sha256) }

    /// Takes a lease for a call. Never waits.
    /// - Throws: `RegistryError.bundleGone`.
    func acquire(_ sha256: String) throws { try leases.acquire(sha256) }

    /// Gives a lease back, and removes the bundle if nobody needs it any more. Never waits.
    func release(_ sha256: String) {
        guard leases.release(sha256) else { return }
        queue.schedule { [self] in removeIfUnused(sha256) }
    }

    /// Removes those of `candidates` that no version refers to, at once or when the last call that
    /// runs with them ends.
    /// - Parameter isReferenced: asked on the store's queue, where it may block.
    func collect(
        _ candidates: some Sequence<String> & Sendable,
        isReferenced: @escaping @Sendable (String) throws -> Bool
    ) async throws {
        try await queue.run { [self] in
            for sha256 in candidates {
                // A put that is under way decides at its end. No other can begin before this is
                // done, because both run on this queue; so the answer below stays true.
                guard !leases.hasPut(sha256), try !isReferenced(sha256) else { continue }
                if leases.condemn(sha256) { removeIfUnused(sha256) }
            }
        }
    }

    /// Counts what all bundles take, before anything else is stored; nobody waits for it.
    func measure() {
        queue.schedule { [self] in
            do {
                for sha256 in try storedBundles() {
                    space.note(sha256, bytes: try takenBytes("\(root)/\(sha256)"))
                }
            } catch {
                logger.error(
                    "cannot count what bundles take of the disk", metadata: ["reason": "\(error)"])
            }
        }
    }

    /// The hashes of all bundles that are there.
    func storedBundles() throws -> [String] {
        try directoryEntries(root).filter { !$0.hasPrefix(".") }
    }

    private func unpack(
        _ code: FunctionCode, into folder: String, handler: HandlerName?, runtime: FunctionRuntime,
        limits: BundleLimits
    ) throws -> BundleListing {
        switch code {
        case .source(let text):
            guard let handler else {
                throw RegistryError.invalidBundle(message: "a source text needs a handler's name")
            }
            let path = try BundlePath(
                Array(Self.fileName(handler, runtime: runtime, source: text).utf8), limits: limits)
            var writer = BundleWriter(root: folder, limits: limits)
            var pending: [UInt8]? = Array(text.utf8)
            try writer.addFile(path, isExecutable: false) { write in
                guard let bytes = pending else { return false }
                pending = nil
                try bytes.withUnsafeBytes { try write($0) }
                return true
            }
            return try writer.finish()
        case .zip(let archive):
            let listing = try ZipUnpacker.listing(archive, into: folder, limits: limits)
            guard let handler else { return listing }
            let wanted = handler.candidateFiles(runtime)
            let paths = listing.files.map(\.path)
            guard !Set(paths).isDisjoint(with: wanted) else {
                let present = paths.prefix(10).joined(separator: ", ")
                throw RegistryError.invalidBundle(
                    message: "the zip archive has no file for the handler: looked for "
                        + "\(wanted.joined(separator: ", ")); it has "
                        + (paths.isEmpty ? "no files" : present + (paths.count > 10 ? ", …" : "")))
            }
            return listing
        case .bundle(let sha256, _):
            throw RegistryError.bundleGone(sha256: sha256)
        }
    }

    /// The file that a single source text becomes.
    static func fileName(_ handler: HandlerName, runtime: FunctionRuntime, source: String) -> String
    {
        switch runtime {
        case .python: "\(handler.file).py"
        case .javascript: "\(handler.file).\(ModuleSyntax.isModule(source) ? "mjs" : "js")"
        }
    }

    private func place(_ temporary: String, as sha256: String) throws {
        let path = "\(root)/\(sha256)"
        if isDirectory(path) {
            // The same content is there already; no version will ever be able to change it.
            discard(temporary)
        } else {
            try posix("rename to", path) { rename(temporary, path) }
            try syncDirectory(root)
        }
    }

    /// Runs on the queue.
    private func removeIfUnused(_ sha256: String) {
        guard leases.isRemovable(sha256) else { return }
        let path = "\(root)/\(sha256)"
        let temporary = "\(root)/\(Self.temporaryPrefix)\(UUID().uuidString)"
        // Renamed first: a bundle that is half removed must not be taken for a bundle.
        if rename(path, temporary) == 0 {
            discard(temporary)
            space.forget(sha256)
        } else if errno != ENOENT {
            logger.warning(
                "a bundle that nobody needs stays on the disk",
                metadata: [
                    "path": "\(path)", "reason": "\(errorText(errno))",
                ])
        }
        leases.removed(sha256)
    }

    /// Removes a temporary folder. What cannot be removed now is removed at the next start.
    private func discard(_ temporary: String) {
        do {
            try removeTree(temporary)
        } catch {
            logger.warning(
                "a temporary folder stays until the next start",
                metadata: [
                    "path": "\(temporary)", "reason": "\(error)",
                ])
        }
    }
}
