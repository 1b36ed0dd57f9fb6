import Crypto
import Foundation
import GRDB
import Glibc
import Synchronization

extension FunctionRegistry {
    /// Keeps an archive byte for byte, under the SHA-256 of its bytes, at least until `body` has ended; a
    /// document that refers to it then keeps it on.
    /// - Parameter body: is told the name: lower-case hex, 64 digits.
    /// - Throws: `RegistryError.noRoom`, `.storage`, and what `body` throws.
    public func withArchive<Result: Sendable>(
        _ bytes: [UInt8], _ body: (_ name: String) async throws -> Result
    ) async throws -> Result {
        let name = SHA256.hash(data: bytes).map { String(format: "%02x", $0) }.joined()
        archivesInUse.withLock { $0[name, default: 0] += 1 }
        do {
            try await store(bytes, as: name)
            let result = try await body(name)
            try await endUse(of: name)
            return result
        } catch {
            try? await endUse(of: name)
            throw error
        }
    }

    private func store(_ bytes: [UInt8], as name: String) async throws {
        try await archiveQueue.run { [archiveRoot, space] in
            let path = "\(archiveRoot)/\(name)"
            if FileManager.default.fileExists(atPath: path) { return }
            let taken = DiskSpace.taken(by: bytes.count)
            try space.room(for: taken)
            let draft = "\(archiveRoot)/.tmp-\(UUID().uuidString)"
            do {
                let file = try NewFile(path: draft)
                try bytes.withUnsafeBytes { try file.write($0) }
                try file.finish(mode: 0o600)
                try posix("put in place", path) { rename(draft, path) }
            } catch {
                unlink(draft)
                throw error
            }
            space.note("archive \(name)", bytes: taken)
            try syncDirectory(archiveRoot)
        }
    }

    private func endUse(of name: String) async throws {
        archivesInUse.withLock { uses in
            let count = uses[name] ?? 1
            uses[name] = count > 1 ? count - 1 : nil
        }
        try await collectArchives([name])
    }

    /// The file that holds an archive; it is there while a document refers to the archive.
    public func archivePath(_ name: String) -> String { "\(archiveRoot)/\(name)" }

    /// Removes those that no document refers to, and nobody is about to refer to.
    func collectArchives(_ names: Set<String>) async throws {
        guard !names.isEmpty else { return }
        try await archiveQueue.run { [self] in
            // Who stores one from here on does it when this is done.
            for name in names where archivesInUse.withLock({ $0[name] == nil }) {
                let isNeeded = try storageErrors("look up the archive \(name)") {
                    try database.read { db in
                        try Bool.fetchOne(
                            db, sql: "SELECT EXISTS (SELECT 1 FROM document WHERE archive = ?)",
                            arguments: [name]) ?? false
                    }
                }
                guard !isNeeded else { continue }
                unlink("\(archiveRoot)/\(name)")
                space.forget("archive \(name)")
            }
        }
    }

    /// Removes what an interrupted write left behind, and what no document refers to.
    static func sweepArchives(_ root: String, referenced: Set<String>) throws {
        for name in try directoryEntries(root) where !referenced.contains(name) {
            unlink("\(root)/\(name)")
        }
    }
}
