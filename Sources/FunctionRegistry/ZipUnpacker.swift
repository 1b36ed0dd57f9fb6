import CArchive

/// Unpacks zip archives that nobody vouches for.
public enum ZipUnpacker {
    /// Unpacks `archive` into `folder`, which has to be empty, and answers the files it wrote.
    /// Accepts any bytes at all: what is not a clean archive of plain files and folders is refused.
    /// Files that were written before the fault was found are left for the caller to remove.
    /// - Throws: `RegistryError.invalidBundle` that names the entry at fault; `RegistryError.storage`.
    public static func unpack(
        _ archive: [UInt8], into folder: String, limits: BundleLimits = BundleLimits()
    ) throws -> [BundleFile] {
        try listing(archive, into: folder, limits: limits).files
    }

    static func listing(
        _ archive: [UInt8], into folder: String, limits: BundleLimits
    ) throws -> BundleListing {
        let directory = try ZipDirectory(archive, limits: limits)
        // All names are checked before the first byte is written.
        var names = BundleTree()
        let paths = try directory.entries.map { entry in
            let path = try BundlePath(entry.name, limits: limits)
            guard path.isFolder || !path.text.isEmpty else {
                throw RegistryError.invalidBundle(
                    message: "a file has the name of the bundle's root")
            }
            _ = try names.insert(path)
            try checkKind(entry, path: path)
            return path
        }
        // Nor is one written of what has no room as a whole.
        let wanted = directory.entries.reduce(0) { $0 + DiskSpace.taken(by: $1.unpackedBytes) }
        guard wanted <= limits.room else { throw BundleWriter.noRoom }
        var writer = BundleWriter(root: folder, limits: limits)
        // libarchive takes an archive without entries for no archive at all.
        guard !paths.isEmpty else { return try writer.finish() }
        try archive.withUnsafeBytes { bytes in
            let reader = try ArchiveReader(bytes)
            for (entry, path) in zip(directory.entries, paths) {
                try reader.next(path)
                if path.isFolder {
                    if !path.text.isEmpty { try writer.addFolder(path) }
                    continue
                }
                var count = 0
                try writer.addFile(path, isExecutable: (entry.unixMode ?? 0) & 0o111 != 0) {
                    write in
                    try reader.readPiece(path) { piece in
                        count += piece.count
                        try write(piece)
                    }
                }
                guard count == entry.unpackedBytes else {
                    throw RegistryError.invalidBundle(
                        message: "the entry \(quoted(path.text)) has \(count) bytes, not the "
                            + "\(entry.unpackedBytes) that the directory says")
                }
            }
            try reader.expectEnd()
        }
        return try writer.finish()
    }

    /// Only plain files and folders. Set-user-id bits need no check: a bundle keeps nothing of a mode
    /// but whether the file is executable.
    private static func checkKind(_ entry: ZipEntry, path: BundlePath) throws {
        func refuse(_ why: String) -> RegistryError {
            .invalidBundle(message: "the entry \(quoted(path.text)) \(why)")
        }
        switch (entry.unixMode ?? 0) & 0o170000 {
        case 0: break
        case 0o100000 where !path.isFolder: break
        case 0o040000 where path.isFolder: break
        case 0o120000: throw refuse("is a symbolic link; put the file itself into the bundle")
        case 0o100000, 0o040000:
            throw refuse("is a folder by its name and a file by its mode, or the reverse")
        default: throw refuse("is neither a file nor a folder")
        }
        if path.isFolder, entry.unpackedBytes != 0 { throw refuse("is a folder with content") }
    }
}

/// libarchive's zip reader over bytes in memory, which must outlive it.
private final class ArchiveReader {
    private let archive: OpaquePointer
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)

    init(_ bytes: UnsafeRawBufferPointer) throws {
        guard let archive = archive_read_new() else {
            throw RegistryError.storage(message: "there is no memory to read a zip archive")
        }
        self.archive = archive
        // The reader that starts from the central directory. The streaming one, which believes local
        // headers, is deliberately left out.
        guard archive_read_support_format_zip_seekable(archive) == ARCHIVE_OK,
            archive_read_open_memory(archive, bytes.baseAddress, bytes.count) == ARCHIVE_OK
        else { throw failure("the zip archive cannot be read") }
    }

    deinit {
        archive_read_free(archive)
        buffer.deallocate()
    }

    /// Steps to the next entry, which has to be a file or folder at `path`.
    func next(_ path: BundlePath) throws {
        var entry: OpaquePointer?
        let result = archive_read_next_header(archive, &entry)
        // A warning is a difference between what the archive says here and there.
        guard result == ARCHIVE_OK, let entry else {
            // libarchive converts names to the locale's character set and warns when it cannot, as in
            // the C locale that services run in. The name was read from the bytes themselves, so for
            // one that is not ASCII this warning alone says nothing.
            if result == ARCHIVE_WARN, let entry, !path.text.utf8.allSatisfy({ $0 < 0x80 }) {
                return try check(entry, path)
            }
            throw failure("the entry \(quoted(path.text)) cannot be read")
        }
        try check(entry, path)
    }

    private func check(_ entry: OpaquePointer, _ path: BundlePath) throws {
        func refuse(_ why: String) -> RegistryError {
            .invalidBundle(message: "the entry \(quoted(path.text)) \(why)")
        }
        let kind = archive_entry_filetype(entry)
        guard kind == (path.isFolder ? 0o040000 : 0o100000) else {
            throw refuse("is not the \(path.isFolder ? "folder" : "plain file") that its name says")
        }
        guard archive_entry_hardlink(entry) == nil, archive_entry_symlink(entry) == nil else {
            throw refuse("is a link; put the file itself into the bundle")
        }
        guard archive_entry_is_encrypted(entry) == 0 else {
            throw refuse("is encrypted; pack it without a password")
        }
        if path.text.utf8.allSatisfy({ $0 < 0x80 }) {
            guard let name = archive_entry_pathname(entry),
                try BundlePath(Array(String(cString: name).utf8), limits: BundleLimits()) == path
            else { throw refuse("has two names") }
        }
    }

    /// Hands the next piece of the current entry to `body`; `false` at the entry's end.
    func readPiece(_ path: BundlePath, _ body: (UnsafeRawBufferPointer) throws -> Void) throws
        -> Bool
    {
        let count = archive_read_data(archive, buffer.baseAddress, buffer.count)
        guard count >= 0 else { throw failure("the entry \(quoted(path.text)) is damaged") }
        if count == 0 { return false }
        try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        return true
    }

    func expectEnd() throws {
        var entry: OpaquePointer?
        guard archive_read_next_header(archive, &entry) == ARCHIVE_EOF else {
            throw failure("the zip archive has entries that its directory does not list")
        }
    }

    private func failure(_ what: String) -> RegistryError {
        let detail = archive_error_string(archive).map { ": \(String(cString: $0))" } ?? ""
        return .invalidBundle(message: what + detail)
    }
}
