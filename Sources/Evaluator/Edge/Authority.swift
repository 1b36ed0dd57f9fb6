import Glibc
import HTTPTypes
import Hummingbird

/// A host and a port, as a request names whom it is for (RFC 3986, section 3.2). There is no user part: for
/// http it is an error (RFC 9110, section 4.2.4).
struct Authority: Equatable, Sendable {
    /// A name in small letters or an address, without brackets.
    var host: String
    /// An address of IPv6, which is written in brackets.
    var isBracketed: Bool
    var port: Int?

    /// - Returns: `nil` for a text that is none.
    init?(_ text: some StringProtocol) {
        let bytes = text.utf8
        let end: String.Index
        if bytes.first == UInt8(ascii: "[") {
            guard let close = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            host = Self.small(text[bytes.index(after: bytes.startIndex)..<close])
            guard IPAddress.v6(host) != nil else { return nil }
            isBracketed = true
            end = bytes.index(after: close)
        } else {
            end = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
            guard end > bytes.startIndex, bytes[..<end].allSatisfy(Self.isNameByte) else {
                return nil
            }
            host = Self.small(text[..<end])
            isBracketed = false
        }
        guard end < bytes.endIndex else { return }
        let digits = bytes[bytes.index(after: end)...]
        guard bytes[end] == UInt8(ascii: ":"), digits.count <= 5,
            digits.allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        // "The port can be empty" (RFC 3986, section 3.2.3), and is the scheme's own then.
        let number = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        guard number <= 65_535 else { return nil }
        port = digits.isEmpty ? nil : number
    }

    /// In small letters; most texts are so already.
    private static func small(_ text: some StringProtocol) -> String {
        text.utf8.contains { (0x41...0x5A).contains($0) || $0 >= 0x80 }
            ? text.lowercased() : String(text)
    }

    /// RFC 3986's reg-name.
    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "."), UInt8(ascii: "-"): true
        default: "_~%!$&'()*+,;=".utf8.contains(byte)
        }
    }

    /// Whether the host is an address and no name.
    var isAddress: Bool { isBracketed || IPAddress.v4(host) != nil }

    /// Whether this is an address, or the name, that leads nowhere but to the machine it is used on. Any other
    /// name may lead here too, whoever owns it: that is what DNS rebinding does.
    var isThisMachine: Bool { ThisMachine.has(host: host) }
}

/// What is this machine's own, and no other's.
enum ThisMachine {
    /// - Parameter host: a name or an address, without port and brackets.
    static func has(host: String) -> Bool {
        if let address = IPAddress.v4(host) { return address >> 24 == 127 }
        guard let address = IPAddress.v6(host) else {
            let name = host.lowercased()
            return name == "localhost" || name == "localhost."
        }
        if address.high == 0, address.low == 1 { return true }
        // An IPv4 address as a socket of IPv6 shows it (RFC 4291, section 2.5.5.2).
        return address.high == 0 && address.low >> 32 == 0xFFFF && address.low >> 24 & 0xFF == 127
    }
}

/// Addresses as inet_pton(3) reads them, and nothing more lenient.
private enum IPAddress {
    static func v4(_ text: String) -> UInt32? {
        var address = in_addr()
        // A NUL would hide what follows it.
        guard !text.utf8.contains(0), inet_pton(AF_INET, text, &address) == 1 else { return nil }
        return UInt32(bigEndian: address.s_addr)
    }

    static func v6(_ text: String) -> (high: UInt64, low: UInt64)? {
        var address = in6_addr()
        guard !text.utf8.contains(0), inet_pton(AF_INET6, text, &address) == 1 else { return nil }
        return withUnsafeBytes(of: address) { bytes in
            (
                UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
    }
}

extension Request {
    /// Whether a program of this machine asks, and not a web page in its browser, nor somebody elsewhere
    /// through a proxy on it that says so.
    var isFromThisMachine: Bool {
        guard headers[.origin] == nil, Authority(head.authority ?? "")?.isThisMachine == true else {
            return false
        }
        return headers.allSatisfy { field in
            let name = field.name.canonicalName
            // A browser says it with all that a page loads (w3c.github.io/webappsec-fetch-metadata).
            if name == "sec-fetch-site" { return field.value == "none" }
            return name != "forwarded" && name != "via" && name != "x-real-ip"
                && !name.hasPrefix("x-forwarded") && !name.hasPrefix("x-original-")
                && !name.hasPrefix("x-envoy-") && !name.hasSuffix("client-ip")
                && !name.hasSuffix("connecting-ip")
        }
    }
}
