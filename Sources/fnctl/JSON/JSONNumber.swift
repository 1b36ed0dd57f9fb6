import Foundation

/// Equality of numbers by their text.
enum JSONNumber {
    /// True when both texts name the same decimal number; also, when either has a fraction or
    /// an exponent, when both round to the same double, since that is what a handler computed
    /// with and languages print it with different numbers of digits.
    static func equal(_ left: String, _ right: String) -> Bool {
        if left == right || decimal(left) == decimal(right) { return true }
        guard isFractional(left) || isFractional(right) else { return false }
        guard let left = Double(left), let right = Double(right) else { return false }
        return left.isFinite && left == right
    }

    private static func isFractional(_ text: String) -> Bool {
        text.contains { $0 == "." || $0 == "e" || $0 == "E" }
    }

    /// A decimal number as its significant digits and the power of ten they are scaled by.
    private struct Decimal: Equatable {
        var negative: Bool
        var digits: String
        var exponent: Int
    }

    private static func decimal(_ text: String) -> Decimal {
        let parts = text.split(maxSplits: 1) { $0 == "e" || $0 == "E" }
        let mantissa = parts.first.map(String.init) ?? ""
        // An exponent beyond Int is beyond any real value as well: the bound only avoids overflow.
        let written = parts.count == 2 ? Int(parts[1]) ?? Int(Int32.max) : 0
        var exponent = max(min(written, Int(Int32.max)), Int(Int32.min))

        var digits = ""
        var afterPoint = false
        for character in mantissa {
            if character == "." {
                afterPoint = true
            } else if character.isNumber {
                digits.append(character)
                if afterPoint { exponent -= 1 }
            }
        }
        digits = String(digits.drop { $0 == "0" })
        while digits.hasSuffix("0") {
            digits.removeLast()
            exponent += 1
        }
        if digits.isEmpty { return Decimal(negative: false, digits: "", exponent: 0) }
        return Decimal(negative: mantissa.hasPrefix("-"), digits: digits, exponent: exponent)
    }
}
