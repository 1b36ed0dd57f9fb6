import Foundation
import Synchronization

/// Where a command prints: results to `print`, everything else to `note`.
///
/// Commands take it from `Console.current`, which a test replaces for its own task.
final class Console: Sendable {
    @TaskLocal static var current: Console = .standard

    /// Whether results are read by a person; JSON is then printed over several lines.
    let isTerminal: Bool
    let usesColour: Bool
    private let output: @Sendable (String) -> Bool
    private let errors: @Sendable (String) -> Bool
    private let closed = Mutex(false)

    /// - Parameters:
    ///   - output: writes to standard output; false when the reader has gone.
    ///   - errors: writes to standard error.
    init(
        isTerminal: Bool, usesColour: Bool,
        output: @escaping @Sendable (String) -> Bool,
        errors: @escaping @Sendable (String) -> Bool
    ) {
        self.isTerminal = isTerminal
        self.usesColour = usesColour
        self.output = output
        self.errors = errors
    }

    /// The process's own standard output and error.
    static let standard: Console = {
        let isTerminal = isatty(STDOUT_FILENO) == 1
        let environment = ProcessInfo.processInfo.environment
        return Console(
            isTerminal: isTerminal,
            usesColour: allowsColour(environment: environment, isTerminal: isTerminal),
            output: { writeAll($0, to: STDOUT_FILENO) },
            errors: { writeAll($0, to: STDERR_FILENO) })
    }()

    /// Colour is for terminals that can show it, unless NO_COLOR (https://no-color.org) is set.
    static func allowsColour(environment: [String: String], isTerminal: Bool) -> Bool {
        isTerminal && environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb"
    }

    /// True once the reader of the output has gone. Commands go on, so that they still clean
    /// up after themselves, but print nothing more.
    var isClosed: Bool { closed.withLock { $0 } }

    func print(_ line: String) {
        closed.withLock { closed in
            if !closed && !output(line + "\n") { closed = true }
        }
    }

    func note(_ line: String) {
        _ = errors(line + "\n")
    }

    /// Prints a JSON document: over several lines for a person, on one line for a program.
    func print(json: JSONValue) {
        print(isTerminal ? json.pretty() : json.compact)
    }

    func styled(_ text: String, _ style: TextStyle?) -> String {
        guard usesColour, let style else { return text }
        return "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m"
    }
}

/// How text stands out, by its SGR parameter (ECMA-48).
enum TextStyle: String, Sendable {
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
}

/// Writes all of `text`; false when nobody can read it. The HTTP client ignores SIGPIPE for
/// the whole process, so that a closed pipe shows as EPIPE here.
private func writeAll(_ text: String, to descriptor: Int32) -> Bool {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if count < 0 {
            if errno == EINTR { continue }
            return false
        }
        rest = rest.dropFirst(count)
    }
    return true
}
