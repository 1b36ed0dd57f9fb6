import Foundation

/// Results as JUnit XML, the form that CI systems read.
enum JUnitReport {
    static func xml(_ results: [CaseResult]) -> String {
        var samples: [String] = []
        for result in results where !samples.contains(result.sample) {
            samples.append(result.sample)
        }

        var lines = ["<?xml version=\"1.0\" encoding=\"UTF-8\"?>"]
        lines.append("<testsuites \(counts(results))>")
        for sample in samples {
            let own = results.filter { $0.sample == sample }
            lines.append("  <testsuite name=\"\(escape(sample))\" \(counts(own))>")
            for result in own { lines += testcase(result) }
            lines.append("  </testsuite>")
        }
        lines.append("</testsuites>")
        return lines.joined(separator: "\n") + "\n"
    }

    private static func counts(_ results: [CaseResult]) -> String {
        let ms = results.reduce(0) { $0 + ($1.ms ?? 0) }
        return
            "tests=\"\(results.count)\" failures=\"\(results.count { !$0.passed })\" errors=\"0\" "
            + "time=\"\(seconds(ms))\""
    }

    private static func seconds(_ ms: Double) -> String { String(format: "%.6f", ms / 1000) }

    private static func testcase(_ result: CaseResult) -> [String] {
        let open =
            "    <testcase classname=\"\(escape(result.sample))\" name=\"\(escape(result.name))\" "
            + "time=\"\(seconds(result.ms ?? 0))\""
        guard let first = result.failure.first else { return [open + "/>"] }
        let text = result.failure.joined(separator: "\n")
        return [
            open + ">",
            "      <failure message=\"\(escape(first))\">\(escape(text))</failure>",
            "    </testcase>",
        ]
    }

    /// Escapes for text and attributes alike. Characters that XML 1.0 (section 2.2) cannot hold
    /// at all become U+FFFD; line ends and tabs stay readable in attributes as references.
    static func escape(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&apos;"
            case "\n", "\r", "\t": result += "&#\(scalar.value);"
            case "\0"..<" ", "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
