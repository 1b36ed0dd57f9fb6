import GRDB

/// The name of a function: 1 to 64 letters, digits, `_` and `-`, and in front of them the region of Lambda's API
/// that it was made in, where that is not the evaluator's own: `resize`, `eu-west-1.resize`.
public struct FunctionName: Sendable, Equatable {
    public var region: String?
    /// Without the region.
    public var local: String

    public init(_ local: String, region: String? = nil) {
        self.local = local
        self.region = region
    }

    /// - Parameter text: a name that is one.
    public init(reading text: String) {
        let bytes = text.utf8
        guard let dot = bytes.firstIndex(of: UInt8(ascii: ".")) else {
            self.init(text)
            return
        }
        self.init(String(text[bytes.index(after: dot)...]), region: String(text[..<dot]))
    }

    public var text: String { region.map { "\($0).\(local)" } ?? local }

    public var isWellFormed: Bool {
        (1...64).contains(local.utf8.count)
            && local.utf8.allSatisfy { isWord($0) || $0 == UInt8(ascii: "-") }
            && region.map(Self.isRegion) ?? true
    }

    /// Whether a text has the form of a region's name: `eu-west-1`, `us-gov-east-1`. It is
    /// `[a-z]{2,4}(-[a-z]{2,10}){1,2}-[0-9]`.
    public static func isRegion(_ text: String) -> Bool {
        let words = text.utf8.split(
            separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard (3...4).contains(words.count) else { return false }
        return zip(words, 0...).allSatisfy { word, place in
            if place == words.count - 1 {
                return word.count == 1 && word.allSatisfy { (0x30...0x39).contains($0) }
            }
            return (2...(place == 0 ? 4 : 10)).contains(word.count)
                && word.allSatisfy { (0x61...0x7A).contains($0) }
        }
    }
}

/// Which functions a list has.
public enum FunctionScope: Sendable, Equatable {
    case all
    /// Those without a region in their names.
    case ownRegion
    case region(String)

    /// A condition of SQL.
    var condition: String {
        switch self {
        case .all: "1"
        case .ownRegion: "instr(function.name, '.') = 0"
        case .region: "function.name > ? AND function.name < ?"
        }
    }

    var arguments: StatementArguments {
        switch self {
        case .all, .ownRegion: []
        // The character behind the dot is the slash.
        case .region(let region): ["\(region).", "\(region)/"]
        }
    }
}
