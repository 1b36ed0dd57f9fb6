/// The blanks of a JSON text, which mean nothing outside of its strings.
enum JSONBlanks {
    /// - Parameter text: JSON; what is none comes out as something else that is none.
    static func removed(from text: some Collection<UInt8>) -> [UInt8] {
        var kept: [UInt8] = []
        kept.reserveCapacity(text.count)
        var isString = false
        var isEscaped = false
        for byte in text {
            if isString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isString = false
                }
            } else if byte == UInt8(ascii: "\"") {
                isString = true
            } else if [0x20, 0x09, 0x0A, 0x0D].contains(byte) {
                continue
            }
            kept.append(byte)
        }
        return kept
    }
}
