import Crypto
import Foundation
import GRDB
import Glibc

extension FunctionRegistry {
    /// Keeps an archive byte for byte, under the SHA-256 of its bytes; a document has to refer to it soon.
    /// - Returns: lower-case hex, 64 digits.
    public func storeArchive(_ bytes: [UInt8]) async throws -> String {
        let name = SHA256.hash(data: bytes).map { String(format: "%02x", $0) }.joined()
        try await archiveQueue.run { [archiveRoot] in
            let path = "\(archiveRoot)/\(name)"
            if FileManager.default.fileExists(atPath: path) {
                // Another who gives it up right now must not take it away.
                utimes(path, nil)
                return
            }
            let draft = "\(archiveRoot)/.tmp-\(UUID().uuidString)"
            let file = try NewFile(path: draft)
            try bytes.withUnsafeBytes { try file.write($0) }
            try file.finish(mode: 0o600)
            try posix("put in place", path) { rename(draft, path) }
            try syncDirectory(archiveRoot)
        }
        return name
    }

    /// The file that holds an archive; it is there while a document refers to the archive.
    public func archivePath(_ name: String) -> String { "\(archiveRoot)/\(name)" }

    /// Removes those that no document refers to.
    func collectArchives(_ names: Set<String>) async throws {
        guard !names.isEmpty else { return }
        try await archiveQueue.run { [archiveRoot, database] in
            for name in names {
                let isNeeded = try storageErrors("look up the archive \(name)") {
                    try database.read { db in
                        try Bool.fetchOne(
                            db, sql: "SELECT EXISTS (SELECT 1 FROM document WHERE archive = ?)",
                            arguments: [name]) ?? false
                    }
                }
                // One that has just been sent is going to be referred to; the next start looks again.
                var status = stat()
                let path = "\(archiveRoot)/\(name)"
                guard !isNeeded, stat(path, &status) == 0,
                    currentTimeMs() / 1000 - Int64(status.st_mtim.tv_sec) > Self.archiveRestSeconds
                else { continue }
                unlink(path)
            }
        }
    }

    private static let archiveRestSeconds: Int64 = 600

    /// Removes what an interrupted write left behind, and what no document refers to.
    static func sweepArchives(_ root: String, referenced: Set<String>) throws {
        for name in try directoryEntries(root) where !referenced.contains(name) {
            unlink("\(root)/\(name)")
        }
    }
}
