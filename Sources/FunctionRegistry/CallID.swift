import Foundation
import Synchronization

/// Makes the ids of calls: 26 characters of Crockford's base32 that hold 48 bits of milliseconds
/// since 1970 and 80 random bits, as in the ULID specification (github.com/ulid/spec). Ids sort as
/// text in the order in which one generator made them, also within a millisecond and when the clock
/// steps back.
public final class CallIDGenerator: Sendable {
    private struct Last {
        var milliseconds: UInt64 = 0
        /// The 80 random bits: 16 and 64.
        var high: UInt16 = 0
        var low: UInt64 = 0
    }

    private let last = Mutex(Last())
    private let now: @Sendable () -> Int64

    /// - Parameter now: milliseconds since 1970; the system's clock unless a test says otherwise.
    public init(now: @escaping @Sendable () -> Int64 = currentTimeMs) {
        self.now = now
    }

    /// A new id, greater than every one that this generator made before.
    public func next() -> String {
        let time = UInt64(clamping: now())
        let id = last.withLock { last in
            if time > last.milliseconds {
                last.milliseconds = time
                last.high = UInt16.random(in: .min ... .max)
                last.low = UInt64.random(in: .min ... .max)
            } else {
                // The same millisecond, or a clock that was set back: count on from the last id. When
                // all 80 bits are used up, borrow the next millisecond.
                last.low &+= 1
                if last.low == 0 { last.high &+= 1 }
                if last.low == 0, last.high == 0 { last.milliseconds += 1 }
            }
            return last
        }
        return Self.encode(milliseconds: id.milliseconds, high: id.high, low: id.low)
    }

    /// Whether `text` has the form of an id. Cheap: keeps nonsense away from the database.
    public static func isWellFormed(_ text: String) -> Bool {
        text.utf8.count == 26 && text.utf8.allSatisfy { alphabet.contains($0) }
    }

    /// The greatest id that can be made at a time: what sorts after it is of calls accepted later.
    public static func last(atMs milliseconds: Int64) -> String {
        encode(
            milliseconds: min(UInt64(clamping: milliseconds), 0xFFFF_FFFF_FFFF), high: .max,
            low: .max)
    }

    /// The least id that can be made at a time.
    public static func first(atMs milliseconds: Int64) -> String {
        encode(
            milliseconds: min(UInt64(clamping: milliseconds), 0xFFFF_FFFF_FFFF), high: 0, low: 0)
    }

    /// Sorts right behind an id, and before every other that does.
    public static func behind(_ id: String) -> String { id + "!" }

    /// When an id was made, in milliseconds since 1970.
    static func milliseconds(of id: String) -> Int64 {
        id.utf8.prefix(10).reduce(0) { $0 << 5 | Int64(alphabet.firstIndex(of: $1) ?? 0) }
    }

    private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

    private static func encode(milliseconds: UInt64, high: UInt16, low: UInt64) -> String {
        let randomBits = UInt128(high) << 64 | UInt128(low)
        let value = UInt128(milliseconds & 0xFFFF_FFFF_FFFF) << 80 | randomBits
        return String(unsafeUninitializedCapacity: 26) { characters in
            for position in 0..<26 {
                let shift = (25 - position) * 5
                characters[position] =
                    alphabet[Int(truncatingIfNeeded: value >> UInt128(shift)) & 31]
            }
            return 26
        }
    }
}

/// The system's clock, in milliseconds since 1970 in UTC.
public func currentTimeMs() -> Int64 {
    Int64((Date().timeIntervalSince1970 * 1000).rounded(.down))
}
