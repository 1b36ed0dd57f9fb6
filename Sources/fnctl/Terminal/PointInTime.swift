import ArgumentParser
import Foundation

/// A time as written on the command line: RFC 3339, or how long ago it is.
struct PointInTime: ExpressibleByArgument, Sendable, Equatable {
    let date: Date

    /// - Parameter now: what `10m`, `2h` and `1d` count back from.
    init?(_ text: String, now: Date) {
        if let date = Format.date(text) {
            self.date = date
        } else if let milliseconds = DurationText.withUnit(text) {
            date = now.addingTimeInterval(-Double(milliseconds) / 1000)
        } else {
            return nil
        }
    }

    init?(argument: String) { self.init(argument, now: Date()) }
}
