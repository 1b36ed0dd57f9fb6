/// Times and durations as the API writes them.
enum Timestamp {
    /// RFC 3339 in UTC with milliseconds: `2026-01-31T09:15:02.123Z`.
    static func text(_ millisecondsSince1970: Int64) -> String {
        let seconds = floorDivide(millisecondsSince1970, 1000)
        let days = floorDivide(seconds.quotient, 86_400)
        let date = civilDate(daysSince1970: days.quotient)
        let second = days.remainder
        return "\(pad(date.year, 4))-\(pad(date.month, 2))-\(pad(date.day, 2))"
            + "T\(pad(second / 3600, 2)):\(pad(second / 60 % 60, 2)):\(pad(second % 60, 2))"
            + ".\(pad(seconds.remainder, 3))Z"
    }

    private static func pad(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    private static func floorDivide(_ value: Int64, _ by: Int64) -> (
        quotient: Int64, remainder: Int64
    ) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: by)
        return remainder < 0 ? (quotient - 1, remainder + by) : (quotient, remainder)
    }

    /// The Gregorian date, counted in eras of 400 years that begin on the first of March, so that the
    /// leap day is the last day of its year.
    private static func civilDate(daysSince1970: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, day) = floorDivide(daysSince1970 + 719_468, 146_097)
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365
        let dayOfYear = day - (365 * year + year / 4 - year / 100)
        let month = (5 * dayOfYear + 2) / 153
        return (
            era * 400 + year + (month < 10 ? 0 : 1), month < 10 ? month + 3 : month - 9,
            dayOfYear - (153 * month + 2) / 5 + 1
        )
    }
}

/// Milliseconds to the microsecond, which is all that a clock and a reader can tell.
func rounded(_ milliseconds: Double) -> Double {
    (milliseconds * 1000).rounded() / 1000
}
