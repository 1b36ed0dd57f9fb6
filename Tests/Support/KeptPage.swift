import Foundation

/// A page of documentation that shows what programs really print. A test makes it anew and compares;
/// what varies from run to run is masked in the blocks that programs printed.
public struct KeptPage: Sendable {
    private let path: String

    /// - Parameter path: from the top of the checkout, for example `docs/causes.md`.
    public init(_ path: String) {
        let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        self.path = checkout.appendingPathComponent(path).path
    }

    private var kept: String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }

    /// What the kept page has from a heading of the second level to the next; `nil` without one.
    public func section(_ heading: String) -> String? {
        var isInside = false
        let lines = kept.components(separatedBy: "\n").filter { line in
            if line.hasPrefix("## ") { isInside = line == "## \(heading)" }
            return isInside
        }
        return lines.isEmpty ? nil : lines.joined(separator: "\n")
    }

    /// Compares a page with the one that is kept, or writes it when it differs and
    /// `CLOISTER_TEST_UPDATE` is 1.
    /// - Returns: how the two differ; `nil` when they do not.
    public func difference(from page: String) throws -> String? {
        let (old, new) = (Self.masked(kept), Self.masked(page))
        if old == new { return nil }
        if ProcessInfo.processInfo.environment["CLOISTER_TEST_UPDATE"] == "1" {
            try page.write(toFile: path, atomically: true, encoding: .utf8)
            return nil
        }
        let changes = new.difference(from: old).map { change in
            switch change {
            case .insert(let line, let text, _): "line \(line + 1) is now: \(text)"
            case .remove(let line, let text, _): "line \(line + 1) was: \(text)"
            }
        }
        return "\(path) is not what is printed; make docs writes it anew\n"
            + changes.joined(separator: "\n")
    }

    /// The page's lines, without ids, times and figures where a program printed them.
    public static func masked(_ page: String) -> [String] {
        var isOutput = false
        return page.components(separatedBy: "\n").map { line in
            if line.hasPrefix("```") {
                isOutput = line == "```text"
                return line
            }
            return isOutput ? masked(line: line) : line
        }
    }

    private static func masked(line: String) -> String {
        var line = line
        for (pattern, mask) in [
            (#"[0-9A-HJKMNP-TV-Z]{26}"#, "ID"),
            (#"just now|\d+ \w+ ago"#, "AGO"),
            // Nobody counts the memory of cells without control groups before they are gone.
            (#" \([0-9.]+ MB were in use[^)]*\)"#, ""),
            (#"[0-9]+([.:-][0-9]+)*( (ms|s|min|h|B|KB|MB|GB)\b)*"#, "N"),
            (#"N N"#, "N"),
        ] {
            line = line.replacingOccurrences(of: pattern, with: mask, options: .regularExpression)
        }
        return line
    }
}
