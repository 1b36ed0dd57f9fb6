import FunctionRegistry
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
        let parts = [
            (7..<15, UInt64(clamping: currentTimeMs() / 1000)),
            (16..<32, UInt64.random(in: .min ... .max)),
            (32..<40, UInt64.random(in: .min ... .max)),
            (48..<64, UInt64.random(in: .min ... .max)),
        ]
        // Each call that names none has one made.
        return String(unsafeUninitializedCapacity: form.utf8CodeUnitCount) { bytes in
            _ = form.withUTF8Buffer { bytes.initialize(fromContentsOf: $0) }
            for (places, value) in parts {
                var rest = value
                for place in places.reversed() {
                    let digit = UInt8(rest & 15)
                    bytes[place] = digit < 10 ? 0x30 + digit : 0x57 + digit
                    rest >>= 4
                }
            }
            return form.utf8CodeUnitCount
        }
    }

    private static let form: StaticString =
        "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0"

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
