/// A function as the API describes one.
enum FunctionText {
    static let hello = with(#""description":"says hello""#)

    static func with(_ fields: String) -> String {
        """
        {"name":"hello","version":2,"runtime":"python","handler":"index.handler",
        "codeSha256":"5f","codeBytes":112,"timeoutMs":3000,"memoryMB":128,"tmpMB":16,
        "createdAt":"2026-01-31T09:15:02.123Z",\(fields)}
        """
    }
}

/// A call's record as the API describes one.
enum CallText {
    static let id = id(ending: "4")

    static func id(ending: Character) -> String { "01M7YVQDAAA2RGQ724GQPQJCB" + [ending] }

    static func with(_ fields: String, id: String = Self.id) -> String {
        """
        {"id":"\(id)","function":"f","version":2,"queuedAt":"2026-01-31T09:15:02.123Z",\(fields)}
        """
    }
}

/// A log line as the API describes one.
enum LineText {
    static func with(
        _ text: String, time: String = "2026-01-31T09:15:02.123Z", call: String = CallText.id,
        _ fields: String = ""
    ) -> String {
        """
        {"time":"\(time)","call":"\(call)","function":"f","stream":"stdout",\
        "text":"\(text)"\(fields)}
        """
    }

    /// As an event of a stream.
    static func event(_ text: String, call: String = CallText.id) -> String {
        "event: line\ndata: \(with(text, call: call))\n\n"
    }

    static func end(_ state: String, _ fields: String = "", call: String = CallText.id) -> String {
        "event: end\ndata: {\"call\":\"\(call)\",\"state\":\"\(state)\"\(fields)}\n\n"
    }
}
