/// A handler's name in parts: `lib/app.main` is the function `main` of the file `lib/app`. In JavaScript
/// the function may be part of an exported object: `lib/app.api.main`.
public struct HandlerName: Sendable, Equatable {
    /// Path of the file below the bundle's root, without its extension.
    public var file: String
    public var function: String

    /// - Throws: `RegistryError.invalidFunction` for the field `handler`.
    public init(_ text: String, runtime: FunctionRuntime) throws {
        func refuse(_ why: String) -> RegistryError {
            .invalidFunction(
                field: "handler",
                message: "the handler \(quoted(text)) \(why); write file.function, for example "
                    + "index.handler or lib/app.main")
        }
        guard text.utf8.count <= 256 else { throw refuse("is longer than 256 bytes") }
        let name = text.lastIndex(of: "/").map { text.index(after: $0) } ?? text.startIndex
        guard let dot = text[name...].firstIndex(of: ".") else { throw refuse("needs a dot") }
        let parts = [text[..<dot], text[text.index(after: dot)...]]
        let names = parts[1].split(separator: ".", omittingEmptySubsequences: false)
        guard names.count == 1 || runtime == .javascript else {
            throw refuse("needs exactly one dot")
        }
        let components = parts[0].split(separator: "/", omittingEmptySubsequences: false)
        guard
            components.allSatisfy({ component in
                !component.isEmpty && component.utf8.first != UInt8(ascii: "-")
                    && component.utf8.allSatisfy { isWord($0) || $0 == UInt8(ascii: "-") }
            })
        else {
            throw refuse("has a file that is not made of letters, digits, _ and - between slashes")
        }
        let dollar: UInt8? = runtime == .javascript ? UInt8(ascii: "$") : nil
        guard
            names.allSatisfy({ name in
                guard let first = name.utf8.first else { return false }
                return !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first)
                    && name.utf8.allSatisfy { isWord($0) || $0 == dollar }
            })
        else { throw refuse("has a function that is not an identifier") }
        file = String(parts[0])
        function = String(parts[1])
    }

    /// The bundle paths that hold this handler's file in `runtime`, in the order they are looked for.
    public func candidateFiles(_ runtime: FunctionRuntime) -> [String] {
        switch runtime {
        case .python: ["\(file).py", "\(file)/__init__.py"]
        case .javascript: ["\(file).js", "\(file).mjs", "\(file).cjs"]
        }
    }
}

/// A letter, a digit or an underscore, in ASCII.
func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        true
    default: false
    }
}

/// `text` for a message: in quotes, control characters escaped, cut when it is very long.
func quoted(_ text: some StringProtocol) -> String {
    var result = "\""
    for scalar in text.unicodeScalars.prefix(200) {
        switch scalar {
        case "\"", "\\": result += "\\\(scalar)"
        case _ where scalar.properties.generalCategory == .control:
            result += scalar.escaped(asASCII: true)
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + (text.unicodeScalars.count > 200 ? "…\"" : "\"")
}
