import Crypto
import Foundation

extension BundleStore {
    /// Stores an archive that is not a function's by itself. `endPut(_:)` as after `store`.
    func storeLayer(_ archive: [UInt8]) async throws -> (sha256: String, bytes: Int) {
        try await place { folder, limits in
            try ZipUnpacker.listing(archive, into: folder, limits: limits)
        }
    }

    /// Stores one bundle with the files of several, where later ones win; `endPut(_:)` as after `store`.
    /// - Throws: `RegistryError.invalidBundle` when together they are too large or do not fit together,
    ///   or when one is not there.
    func merge(_ layers: [String]) async throws -> (sha256: String, bytes: Int) {
        try await place { [root] folder, limits in
            var owners: [String: String] = [:]
            for layer in layers {
                let from = "\(root)/\(layer)"
                guard isDirectory(from) else {
                    throw RegistryError.invalidBundle(message: "the bundle \(layer) is not there")
                }
                for path in try Self.files(below: from) { owners[path] = from }
            }
            var writer = BundleWriter(root: folder, limits: limits)
            for (path, from) in owners.sorted(by: { $0.key < $1.key }) {
                let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(from)/\(path)"))
                let isExecutable = FileManager.default.isExecutableFile(atPath: "\(from)/\(path)")
                var isDone = false
                try writer.addFile(
                    try BundlePath(Array(path.utf8), limits: limits), isExecutable: isExecutable
                ) { write in
                    guard !isDone else { return false }
                    isDone = true
                    try bytes.withUnsafeBytes { try write($0) }
                    return true
                }
            }
            return try writer.finish()
        }
    }

    private static func files(below folder: String) throws -> [String] {
        var files: [String] = []
        for name in try directoryEntries(folder) {
            if isDirectory("\(folder)/\(name)") {
                files += try Self.files(below: "\(folder)/\(name)").map { "\(name)/\($0)" }
            } else {
                files.append(name)
            }
        }
        return files
    }
}
