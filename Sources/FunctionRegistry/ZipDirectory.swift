/// One entry of a zip archive, as the central directory has it.
struct ZipEntry {
    /// The name's bytes, unchecked.
    var name: ArraySlice<UInt8>
    var localHeaderOffset: Int
    var compressedBytes: Int
    var unpackedBytes: Int
    /// The mode of stat(2) where the archive was made on a Unix, else `nil`.
    var unixMode: UInt32?
}

/// The central directory of a zip archive (APPNOTE.TXT 6.3.10), checked against the local headers.
///
/// A zip archive says everything twice, and programs that read different halves of one see different
/// files. An archive whose halves differ is refused here, before anything is unpacked: what a user's
/// own tools list is what gets stored.
struct ZipDirectory {
    /// In the order of the local headers, which is the one that libarchive reads in.
    let entries: [ZipEntry]

    /// - Throws: `RegistryError.invalidBundle` that names the entry, where it is one entry's fault.
    init(_ archive: [UInt8], limits: BundleLimits) throws {
        let reader = LittleEndian(bytes: archive)
        var end = try Self.findEnd(reader)
        var count = reader.u16(end + 10)
        var size = reader.u32(end + 12)
        var start = reader.u32(end + 16)
        guard reader.u16(end + 4) == 0, reader.u16(end + 6) == 0, reader.u16(end + 8) == count
        else {
            throw refuse("the zip archive is one of several parts; pack it as one file")
        }
        let isWide = start == 0xFFFF_FFFF || size == 0xFFFF_FFFF || count == 0xFFFF
        if isWide || Zip64.isAnnounced(reader, end: end) {
            let wide = try Zip64.directory(reader, end: end)
            // Who reads the narrow numbers finds the same.
            guard [0xFFFF_FFFF, wide.start].contains(start), [0xFFFF, wide.count].contains(count),
                [0xFFFF_FFFF, wide.bytes].contains(size)
            else { throw refuse("the zip archive has two directories") }
            (end, count, size, start) = wide
        }
        guard start + size == end else {
            throw refuse("the zip archive's directory is not where its end record says")
        }
        guard count <= limits.entries else {
            throw refuse(
                "the zip archive has \(count) entries; at most \(limits.entries) are allowed")
        }
        var entries: [ZipEntry] = []
        entries.reserveCapacity(count)
        var position = start
        for _ in 0..<count {
            guard position + 46 <= end, reader.u32(position) == 0x0201_4B50 else {
                throw refuse("the zip archive's directory is damaged; pack it again")
            }
            let nameLength = reader.u16(position + 28)
            let length = 46 + nameLength + reader.u16(position + 30) + reader.u16(position + 32)
            guard position + length <= end else {
                throw refuse("the zip archive's directory is damaged; pack it again")
            }
            try entries.append(Self.entry(reader, at: position, nameLength: nameLength))
            position += length
        }
        guard position == end else {
            throw refuse("the zip archive's directory has more entries than its end record says")
        }
        entries.sort { $0.localHeaderOffset < $1.localHeaderOffset }
        try Self.checkLayout(entries, reader: reader, directoryStart: start)
        self.entries = entries
    }

    private static func findEnd(_ reader: LittleEndian) throws -> Int {
        let count = reader.bytes.count
        var position = count - 22
        while position >= 0, position >= count - 22 - 0xFFFF {
            if reader.u32(position) == 0x0605_4B50 {
                // Only the last one counts, and it has to end where the archive ends, or else an end
                // record hidden in the comment would show other readers another directory.
                guard position + 22 + reader.u16(position + 20) == count else { break }
                return position
            }
            position -= 1
        }
        throw refuse("this is not a zip archive, or its end is missing")
    }

    private static func entry(
        _ reader: LittleEndian, at position: Int, nameLength: Int
    ) throws -> ZipEntry {
        let madeOn = reader.u16(position + 4) >> 8
        var entry = ZipEntry(
            name: reader.bytes[position + 46..<position + 46 + nameLength],
            localHeaderOffset: reader.u32(position + 42),
            compressedBytes: reader.u32(position + 20),
            unpackedBytes: reader.u32(position + 24),
            // 3 is Unix and 19 is macOS; FAT and NTFS archives have no mode.
            unixMode: madeOn == 3 || madeOn == 19 ? UInt32(reader.u32(position + 38) >> 16) : nil)
        func refuse(_ why: String) -> RegistryError { refuseEntry(entry, why) }
        let flags = reader.u16(position + 8)
        let method = reader.u16(position + 10)
        // Bit 0 is encryption, bit 6 strong encryption, bit 13 a masked directory.
        guard flags & 0x2041 == 0 else { throw refuse("is encrypted; pack it without a password") }
        guard flags & 0x20 == 0 else { throw refuse("is patch data, which nothing here can apply") }
        guard method == 0 || method == 8 else {
            throw refuse("is packed with method \(method); pack it with deflate")
        }
        guard
            let sizes = Zip64.sizes(
                reader, [entry.unpackedBytes, entry.compressedBytes, entry.localHeaderOffset],
                extra: position + 46 + nameLength, count: reader.u16(position + 30))
        else { throw refuse("is in the zip64 format and does not say its sizes") }
        (entry.unpackedBytes, entry.compressedBytes) = (sizes[0], sizes[1])
        entry.localHeaderOffset = sizes[2]
        let local = entry.localHeaderOffset

        // The local header says the same things again.
        guard local + 30 <= reader.bytes.count, reader.u32(local) == 0x0403_4B50,
            local + 30 + reader.u16(local + 26) <= reader.bytes.count
        else { throw refuse("has no local header where the directory says") }
        guard reader.bytes[local + 30..<local + 30 + reader.u16(local + 26)] == entry.name else {
            throw refuse("has another name in its local header")
        }
        guard reader.u16(local + 6) & 0x2049 == flags & 0x2049, reader.u16(local + 8) == method
        else {
            throw refuse("is described otherwise in its local header")
        }
        // With bit 3 the sizes follow the data, and libarchive compares them there.
        if flags & 8 == 0 {
            let extra = local + 30 + reader.u16(local + 26)
            guard extra + reader.u16(local + 28) <= reader.bytes.count,
                Zip64.sizes(
                    reader, [reader.u32(local + 22), reader.u32(local + 18)], extra: extra,
                    count: reader.u16(local + 28))
                    == [entry.unpackedBytes, entry.compressedBytes]
            else { throw refuse("has another size in its local header") }
        }
        if method == 0, entry.compressedBytes != entry.unpackedBytes {
            throw refuse("is stored as it is, and yet has two sizes")
        }
        return entry
    }

    /// Entries must follow each other: overlapping ones would unpack the same bytes again and again.
    private static func checkLayout(
        _ entries: [ZipEntry], reader: LittleEndian, directoryStart: Int
    ) throws {
        var end = 0
        for entry in entries {
            let local = entry.localHeaderOffset
            guard local >= end else { throw refuseEntry(entry, "overlaps the one before it") }
            end =
                local + 30 + reader.u16(local + 26) + reader.u16(local + 28) + entry.compressedBytes
            guard end <= directoryStart else {
                throw refuseEntry(entry, "reaches into the zip archive's directory")
            }
        }
    }
}

private func refuse(_ message: String) -> RegistryError { .invalidBundle(message: message) }

private func refuseEntry(_ entry: ZipEntry, _ why: String) -> RegistryError {
    refuse("the entry \(quoted(String(decoding: entry.name, as: UTF8.self))) \(why)")
}

/// Numbers at byte offsets that the caller has checked.
struct LittleEndian {
    let bytes: [UInt8]

    func u16(_ offset: Int) -> Int { Int(bytes[offset]) | Int(bytes[offset + 1]) << 8 }
    func u32(_ offset: Int) -> Int { u16(offset) | u16(offset + 2) << 16 }
    /// More than an archive can have is as much as an `Int` can be.
    func u64(_ offset: Int) -> Int {
        let high = u32(offset + 4)
        return high > 0x7FFF_FFFF ? .max : u32(offset) | high << 32
    }
}
