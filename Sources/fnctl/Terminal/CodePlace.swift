import Foundation

/// A line of a function's own code, as a stack names it.
struct CodePlace {
    /// From the top of the bundle.
    let file: String
    let line: Int

    /// Where cells have bundles: those that came through Lambda's API in the second place.
    private static let folders = ["/function/", "/var/task/"]

    /// Whether a frame of a stack is in the function's code.
    static func isOwn(_ frame: String) -> Bool { folders.contains { frame.contains($0) } }

    /// Where the exception left the function's own code: its innermost frame there.
    init?(_ call: CallRecord) {
        // What follows is another exception, which led to this one.
        let frames = (call.stack ?? []).prefix { !$0.hasPrefix("caused by ") }
        // Python lists the outermost frame first, JavaScript the innermost.
        let own =
            call.runtime == "python"
            ? frames.last(where: Self.isOwn) : frames.first(where: Self.isOwn)
        guard let own, let place = Self.place(in: own) else { return nil }
        self = place
    }

    /// Reads `File "/function/lib/a.py", line 4, in f` and `f (/function/lib/a.mjs:3:27)`.
    private static func place(in frame: String) -> CodePlace? {
        let first = frame.prefix { $0 != "\n" }
        guard let start = folders.compactMap({ first.range(of: $0)?.upperBound }).min() else {
            return nil
        }
        let rest = first[start...]
        let file = rest.prefix { !"\":".contains($0) }
        let digits = rest.dropFirst(file.count).drop { !$0.isWholeNumber }
            .prefix { $0.isWholeNumber }
        guard !file.isEmpty, let line = Int(digits) else { return nil }
        return CodePlace(file: String(file), line: line)
    }

    private init(file: String, line: Int) {
        self.file = file
        self.line = line
    }
}
