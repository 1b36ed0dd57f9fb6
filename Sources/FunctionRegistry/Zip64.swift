/// The wide numbers of zip archives (APPNOTE.TXT 6.3.10, 4.3.14 and 4.5.3), which tools that write to a pipe use
/// for small archives too.
enum Zip64 {
    /// Whether there is a record of wide numbers before the end record.
    static func isAnnounced(_ reader: LittleEndian, end: Int) -> Bool {
        end >= 20 && reader.u32(end - 20) == 0x0706_4B50
    }

    /// Where the directory is and how large, by the record before the end record.
    /// - Parameter end: where the end record is, which says that its numbers are elsewhere.
    /// - Returns: where the record is, as the directory ends there.
    /// - Throws: `RegistryError.invalidBundle`.
    static func directory(
        _ reader: LittleEndian, end: Int
    ) throws -> (end: Int, count: Int, bytes: Int, start: Int) {
        let locator = end - 20
        let damaged = RegistryError.invalidBundle(
            message: "the zip archive's directory is damaged; pack it again")
        guard locator >= 56, isAnnounced(reader, end: end) else { throw damaged }
        let record = reader.u64(locator + 8)
        guard record <= locator - 56, reader.u32(record) == 0x0606_4B50,
            // Nothing is between the two.
            reader.u64(record + 4) == locator - record - 12,
            reader.u32(record + 16) == 0, reader.u32(record + 20) == 0,
            reader.u64(record + 24) == reader.u64(record + 32)
        else { throw damaged }
        let (count, bytes, start) = (
            reader.u64(record + 32), reader.u64(record + 40), reader.u64(record + 48)
        )
        guard count <= reader.bytes.count, bytes <= record, start <= record else { throw damaged }
        return (record, count, bytes, start)
    }

    /// An entry's numbers in the order that the wide ones have, with those that say that they are elsewhere
    /// taken from there.
    /// - Parameters:
    ///   - extra: where the extra fields begin, and how many bytes they are; inside the archive.
    /// - Returns: `nil` when there is no such field.
    static func sizes(
        _ reader: LittleEndian, _ narrow: [Int], extra: Int, count: Int
    ) -> [Int]? {
        guard narrow.contains(0xFFFF_FFFF) else { return narrow }
        var position = extra
        while position + 4 <= extra + count {
            let (id, length) = (reader.u16(position), reader.u16(position + 2))
            guard position + 4 + length <= extra + count else { return nil }
            if id == 1 {
                var next = position + 4
                var wide = narrow
                for (index, number) in narrow.enumerated() where number == 0xFFFF_FFFF {
                    guard next + 8 <= position + 4 + length else { return nil }
                    wide[index] = reader.u64(next)
                    next += 8
                }
                // More than that is no bundle, and sums of such numbers could be too large.
                return wide.allSatisfy { $0 < 1 << 40 } ? wide : nil
            }
            position += 4 + length
        }
        return nil
    }
}
