import NIOCore

/// Messages of the type `application/vnd.amazon.eventstream` (Smithy, "Amazon Event Stream
/// Specification"): a prelude of two lengths with its CRC-32, headers, a payload, and the CRC-32 of all.
enum EventStream {
    static let contentType = "application/vnd.amazon.eventstream"

    /// - Parameter headers: all texts.
    static func message(
        _ headers: KeyValuePairs<String, String>, payload: ByteBuffer
    ) -> ByteBuffer {
        var head = ByteBuffer()
        for (name, value) in headers {
            head.writeInteger(UInt8(truncatingIfNeeded: name.utf8.count))
            head.writeString(name)
            // The type of a text.
            head.writeInteger(UInt8(7))
            head.writeInteger(UInt16(truncatingIfNeeded: value.utf8.count))
            head.writeString(value)
        }
        var message = ByteBuffer()
        let total = 12 + head.readableBytes + payload.readableBytes + 4
        message.writeInteger(UInt32(truncatingIfNeeded: total))
        message.writeInteger(UInt32(truncatingIfNeeded: head.readableBytes))
        message.writeInteger(CRC32.checksum(message.readableBytesView))
        message.writeImmutableBuffer(head)
        message.writeImmutableBuffer(payload)
        message.writeInteger(CRC32.checksum(message.readableBytesView))
        return message
    }

    static func event(_ type: String, _ contentType: String, _ payload: ByteBuffer) -> ByteBuffer {
        message(
            [":message-type": "event", ":event-type": type, ":content-type": contentType],
            payload: payload)
    }
}

/// The checksum of zip and of event streams (ITU-T V.42).
enum CRC32 {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in
            value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1
        }
    }

    static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
        ~bytes.reduce(~UInt32(0)) {
            $0 >> 8 ^ table[Int(truncatingIfNeeded: $0 ^ UInt32($1)) & 0xFF]
        }
    }
}
