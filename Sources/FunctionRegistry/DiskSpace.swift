import Glibc
import Synchronization

/// How much registrations may take of the disk.
public struct SpaceLimits: Sendable, Equatable {
    /// Bytes of all bundles and archives; `nil` for a tenth of the disk.
    public var bundleBytes: Int?
    /// Free bytes of the disk below which nothing is registered, so that records, keys and events can still
    /// be written; `nil` for a twentieth of the disk, 1 GiB at most.
    public var freeBytes: Int?

    public init(bundleBytes: Int? = nil, freeBytes: Int? = nil) {
        self.bundleBytes = bundleBytes
        self.freeBytes = freeBytes
    }
}

/// Counts what bundles and archives take on the disk, and says whether there is room for more.
final class DiskSpace: Sendable {
    private struct State {
        /// By bundle or archive.
        var sizes: [String: Int] = [:]
        var used = 0
    }

    private let directory: String
    private let limits: SpaceLimits
    private let state = Mutex(State())

    /// - Parameter directory: somewhere on the disk.
    init(directory: String, limits: SpaceLimits) {
        self.directory = directory
        self.limits = limits
    }

    private static let block = 4096

    /// What a file with so many bytes takes: whole blocks and an inode, which file systems give a block's part
    /// to. Many small files are so not free.
    static func taken(by bytes: Int) -> Int { (bytes + block - 1) / block * block + block / 8 }

    static let takenByFolder = taken(by: 1)

    /// Counts a bundle or archive that is there.
    func note(_ name: String, bytes: Int) {
        state.withLock { state in
            state.used += bytes - (state.sizes.updateValue(bytes, forKey: name) ?? 0)
        }
    }

    func forget(_ name: String) {
        state.withLock { $0.used -= $0.sizes.removeValue(forKey: name) ?? 0 }
    }

    /// The bytes that may still be taken.
    /// - Throws: `RegistryError.noRoom` when there are less than `wanted`.
    @discardableResult
    func room(for wanted: Int = 1) throws -> Int {
        var disk = statvfs()
        try posix("look for free space in", directory) { statvfs(directory, &disk) }
        let block = Int(clamping: disk.f_frsize)
        let (all, free) = (
            Int(clamping: disk.f_blocks) * block, Int(clamping: disk.f_bavail) * block
        )
        let floor = limits.freeBytes ?? min(all / 20, 1 << 30)
        let most = limits.bundleBytes ?? all / 10
        let used = state.withLock { $0.used }
        // Of inodes a twentieth is kept; file systems that make them as they are needed tell none.
        guard disk.f_files == 0 || disk.f_favail >= disk.f_files / 20 else {
            throw RegistryError.noRoom(
                message:
                    "the disk of the evaluator's data directory can hold only \(disk.f_favail) more "
                    + "files, which are kept for records; delete functions and layers")
        }
        guard free - floor >= wanted else {
            throw RegistryError.noRoom(
                message: "the disk of the evaluator's data directory has \(free) bytes free, and "
                    + "\(floor) of them are kept for records; delete functions and layers, or lower "
                    + "freeBytes")
        }
        guard most - used >= wanted else {
            throw RegistryError.noRoom(
                message:
                    "all bundles and archives take \(used) of at most \(most) bytes, and this one "
                    + "\(wanted > 1 ? "\(wanted) " : "")more; delete functions and layers, or raise "
                    + "bundleBytes")
        }
        return min(free - floor, most - used)
    }
}
