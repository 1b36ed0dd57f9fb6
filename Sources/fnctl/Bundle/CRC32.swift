/// The checksum of zip entries: CRC-32 with the reversed polynomial 0xEDB88320 (zip's
/// APPNOTE.TXT, section 4.4.7).
enum CRC32 {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in
            value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1
        }
    }

    static func checksum(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(0xFFFF_FFFF) { crc, byte in
            table[Int((crc ^ UInt32(byte)) & 0xFF)] ^ crc >> 8
        }
    }
}
