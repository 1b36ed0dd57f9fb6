import Foundation
import HTTPTypes

/// The trace that a request belongs to, as X-Ray writes it:
/// `Root=1-65b0f1a2-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=0`.
enum LambdaTrace {
    private static let maximumBytes = 256

    /// The one that the client names, else a new one, which nobody samples.
    static func id(_ headers: HTTPFields) -> String { given(headers) ?? new() }

    /// The one that the client names, if it is one.
    static func given(_ headers: HTTPFields) -> String? {
        headers[.traceID].flatMap { isOne($0) ? $0 : nil }
    }

    static func new() -> String {
        let seconds = String(Int(Date().timeIntervalSince1970), radix: 16)
        let random = String(format: "%016lx", UInt64.random(in: .min ... .max))
        let more = String(format: "%08x", UInt32.random(in: .min ... .max))
        let parent = String(format: "%016lx", UInt64.random(in: .min ... .max))
        return "Root=1-\(seconds)-\(random)\(more);Parent=\(parent);Sampled=0"
    }

    private static func isOne(_ text: String) -> Bool {
        text.utf8.count <= maximumBytes && text.hasPrefix("Root=1-")
            && text.utf8.allSatisfy {
                $0.isASCIIDigitOrLetter
                    || [UInt8(ascii: "="), UInt8(ascii: ";"), UInt8(ascii: "-")].contains($0)
            }
    }
}

extension UInt8 {
    fileprivate var isASCIIDigitOrLetter: Bool {
        (0x30...0x39).contains(self) || (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self)
    }
}
