import Foundation

/// What lines are searched for: words and quoted phrases that all have to be there, `-word` that may not be,
/// and `?word` of which one has to be. Case counts.
struct LogPattern: Sendable {
    private var wanted: [String] = []
    private var unwanted: [String] = []
    private var optional: [String] = []

    /// - Throws: `InvalidParameterException` for patterns of fields, which are not done here.
    init(_ text: String) throws {
        let trimmed = text.trimmingCharacters(in: .whitespaces)
        guard !trimmed.hasPrefix("{"), !trimmed.hasPrefix("["), !trimmed.hasPrefix("%") else {
            throw CloudWatchLogs.invalid(
                "Only words and quoted phrases can be searched for here, no fields and expressions")
        }
        var rest = trimmed[...]
        while let first = rest.first {
            if first == " " {
                rest = rest.dropFirst()
                continue
            }
            let sign = first == "-" || first == "?" ? first : nil
            if sign != nil { rest = rest.dropFirst() }
            let term: Substring
            if rest.first == "\"" {
                rest = rest.dropFirst()
                term = rest.prefix { $0 != "\"" }
                rest = rest.dropFirst(term.count + 1)
            } else {
                term = rest.prefix { $0 != " " }
                rest = rest.dropFirst(term.count)
            }
            switch sign {
            case "-": unwanted.append(String(term))
            case "?": optional.append(String(term))
            default: wanted.append(String(term))
            }
        }
    }

    func matches(_ line: String) -> Bool {
        wanted.allSatisfy { line.contains($0) } && !unwanted.contains { line.contains($0) }
            && (optional.isEmpty || optional.contains { line.contains($0) })
    }
}
