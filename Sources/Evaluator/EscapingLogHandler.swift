import Logging

/// Writes to standard error what is logged, a line each, whatever text of a request, a function or a file is in
/// it: characters that would begin another line, or that a terminal obeys, are written as escapes.
struct EscapingLogHandler: LogHandler {
    private var inner: any LogHandler

    init(_ inner: any LogHandler) {
        self.inner = inner
    }

    static func standardError(label: String) -> any LogHandler {
        EscapingLogHandler(StreamLogHandler.standardError(label: label))
    }

    var logLevel: Logger.Level {
        get { inner.logLevel }
        set { inner.logLevel = newValue }
    }

    var metadata: Logger.Metadata {
        get { inner.metadata }
        set { inner.metadata = Self.escaped(newValue) }
    }

    var metadataProvider: Logger.MetadataProvider? {
        get { inner.metadataProvider }
        set { inner.metadataProvider = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { inner[metadataKey: key] }
        set { inner[metadataKey: Self.escaped(key)] = newValue.map(Self.escaped) }
    }

    func log(event: LogEvent) {
        var event = event
        event.message = Logger.Message(stringLiteral: Self.escaped(event.message.description))
        event.metadata = event.metadata.map(Self.escaped)
        inner.log(event: event)
    }

    private static func escaped(_ metadata: Logger.Metadata) -> Logger.Metadata {
        Dictionary(metadata.map { (escaped($0), escaped($1)) }) { one, _ in one }
    }

    private static func escaped(_ value: Logger.Metadata.Value) -> Logger.Metadata.Value {
        switch value {
        case .string(let text): .string(escaped(text))
        case .stringConvertible(let other): .string(escaped(other.description))
        case .array(let items): .array(items.map(escaped))
        case .dictionary(let items): .dictionary(escaped(items))
        }
    }

    static func escaped(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: hasToBeEscaped) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if hasToBeEscaped(scalar) {
                result += scalar.escaped(asASCII: true)
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func hasToBeEscaped(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        // Controls of both sets, marks that turn the direction of text, and ends of lines and paragraphs.
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
