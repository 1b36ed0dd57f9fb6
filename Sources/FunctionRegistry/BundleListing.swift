import Crypto

/// One file of a bundle.
public struct BundleFile: Sendable, Equatable {
    /// Path below the bundle's root.
    public var path: String
    public var isExecutable: Bool
    public var bytes: Int
    /// SHA-256 of the content.
    var digest: SHA256.Digest

    /// The mode the file has in the store.
    var mode: UInt32 { isExecutable ? 0o755 : 0o644 }
}

/// The files of a bundle, and the hash that names the bundle.
///
/// The hash is the SHA-256 of this listing, so it depends on content alone: not on the order, the
/// times, the compression or the empty folders of the archive that the files came in.
///
///     cloister bundle 1\n
///     x 1024 <64 hex digits> bin/tool\n
///     - 112 <64 hex digits> index.py\n
///
/// One line a file, sorted by the bytes of the path: `x` for an executable file or `-`, the length
/// in bytes, the SHA-256 of the content, the path. A path has no control characters, so a line break
/// cannot be part of one. Hashing each file on its own lets files be hashed while they are unpacked,
/// in the archive's order.
struct BundleListing: Sendable {
    let files: [BundleFile]

    init(files: [BundleFile]) {
        self.files = files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }

    /// Bytes of all files.
    var bytes: Int { files.reduce(0) { $0 + $1.bytes } }

    /// Lower-case hex, 64 digits.
    var sha256: String {
        var hash = SHA256()
        hash.update(data: Array("cloister bundle 1\n".utf8))
        for file in files {
            let kind = file.isExecutable ? "x" : "-"
            hash.update(
                data: Array("\(kind) \(file.bytes) \(hex(file.digest)) \(file.path)\n".utf8))
        }
        return hex(hash.finalize())
    }
}

private func hex(_ digest: SHA256.Digest) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(
        decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}

/// Writes a bundle's files below a folder, hashing them on the way.
struct BundleWriter {
    private let root: String
    private let limits: BundleLimits
    private var tree = BundleTree()
    private var folders: [String] = []
    private var files: [BundleFile] = []
    private var bytesLeft: Int
    private var roomLeft: Int

    /// - Parameter root: an empty folder that nobody else writes to.
    init(root: String, limits: BundleLimits) {
        self.root = root
        self.limits = limits
        bytesLeft = limits.unpackedBytes
        roomLeft = limits.room
    }

    /// Adds a folder. It counts for nothing in the bundle's hash.
    mutating func addFolder(_ path: BundlePath) throws {
        try makeFolders(tree.insert(path))
    }

    /// Adds a file whose content `next` hands over piece by piece, until it answers `false`.
    /// - Throws: what `next` throws; `RegistryError.invalidBundle` when the bundle grows too large.
    mutating func addFile(
        _ path: BundlePath, isExecutable: Bool,
        next: ((UnsafeRawBufferPointer) throws -> Void) throws -> Bool
    ) throws {
        try makeFolders(tree.insert(path))
        let file = try NewFile(path: "\(root)/\(path.text)")
        var hash = SHA256()
        var count = 0
        var left = bytesLeft
        let limit = limits.unpackedBytes
        let room = roomLeft
        while try next({ piece in
            guard DiskSpace.taken(by: count + piece.count) <= room else { throw Self.noRoom }
            guard piece.count <= left else {
                throw RegistryError.invalidBundle(
                    message:
                        "the bundle has more than \(limit) bytes unpacked, reached in the entry "
                        + quoted(path.text))
            }
            left -= piece.count
            count += piece.count
            hash.update(bufferPointer: piece)
            try file.write(piece)
        }) {}
        bytesLeft = left
        try use(DiskSpace.taken(by: count))
        let entry = BundleFile(
            path: path.text, isExecutable: isExecutable, bytes: count, digest: hash.finalize())
        try file.finish(mode: entry.mode)
        files.append(entry)
    }

    /// Makes every folder durable, innermost first.
    consuming func finish() throws -> BundleListing {
        for folder in folders.reversed() { try syncDirectory("\(root)/\(folder)") }
        try syncDirectory(root)
        return BundleListing(files: files)
    }

    private mutating func use(_ taken: Int) throws {
        guard taken <= roomLeft else { throw Self.noRoom }
        roomLeft -= taken
    }

    static let noRoom = RegistryError.noRoom(
        message:
            "the bundle takes more of the disk than there is left for bundles; delete functions and "
            + "layers, or raise bundleBytes")

    private mutating func makeFolders(_ paths: [String]) throws {
        for _ in paths { try use(DiskSpace.takenByFolder) }
        for path in paths { try makeDirectory("\(root)/\(path)") }
        folders += paths
    }
}
