/// Writes a zip archive (PKWARE's APPNOTE.TXT) of stored entries.
///
/// The same entries give the same bytes: times are not recorded, since the evaluator names a
/// bundle by its content.
struct ZipWriter {
    /// The format's limit without its 64-bit extension.
    static let maxEntries = 65_535

    private var archive: [UInt8] = []
    private var directory: [UInt8] = []
    private var count = 0

    private static let version: UInt16 = 20
    private static let madeByUnix: UInt16 = 3 << 8 | 20
    private static let namesAreUTF8: UInt16 = 1 << 11
    /// 1 January 1980, the format's first day.
    private static let date: UInt16 = 1 << 5 | 1

    /// Adds a file.
    /// - Parameters:
    ///   - path: relative, with `/` between its parts.
    ///   - executable: whether the owner's execute permission is recorded.
    /// - Throws: `Failure` when the format cannot hold the file.
    mutating func add(path: String, content: [UInt8], executable: Bool = false) throws(Failure) {
        let name = Array(path.utf8)
        guard count < Self.maxEntries else {
            throw .usage("a bundle may have at most \(Self.maxEntries) files")
        }
        guard name.count <= Int(UInt16.max) else {
            throw .usage("the path \"\(path)\" is too long for a zip")
        }
        guard archive.count + content.count < Int(UInt32.max) - 1_048_576 else {
            throw .usage("the bundle is too large for a zip, at \"\(path)\"")
        }
        let offset = UInt32(archive.count)
        let checksum = CRC32.checksum(content)
        let size = UInt32(content.count)

        var common: [UInt8] = []
        common.append(little: Self.version)
        common.append(little: Self.namesAreUTF8)
        common.append(little: UInt16(0))  // stored
        common.append(little: UInt16(0))  // time
        common.append(little: Self.date)
        common.append(little: checksum)
        common.append(little: size)  // as stored
        common.append(little: size)
        common.append(little: UInt16(name.count))
        common.append(little: UInt16(0))  // no extra field

        archive.append(little: UInt32(0x0403_4B50))
        archive += common + name + content

        let mode: UInt32 = executable ? 0o100755 : 0o100644
        directory.append(little: UInt32(0x0201_4B50))
        directory.append(little: Self.madeByUnix)
        directory += common
        directory.append(little: UInt16(0))  // no comment
        directory.append(little: UInt16(0))  // first disk
        directory.append(little: UInt16(0))  // internal attributes
        directory.append(little: mode << 16)
        directory.append(little: offset)
        directory += name
        count += 1
    }

    /// The archive's bytes.
    func finish() -> [UInt8] {
        var end: [UInt8] = []
        end.append(little: UInt32(0x0605_4B50))
        end.append(little: UInt32(0))  // this disk, and the directory's: the first
        end.append(little: UInt16(count))
        end.append(little: UInt16(count))
        end.append(little: UInt32(directory.count))
        end.append(little: UInt32(archive.count))
        end.append(little: UInt16(0))  // no comment
        return archive + directory + end
    }
}

extension [UInt8] {
    fileprivate mutating func append(little value: some FixedWidthInteger) {
        for shift in stride(from: 0, to: value.bitWidth, by: 8) {
            append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }
}
