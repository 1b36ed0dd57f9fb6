/// The names that Lambda's resources have here.
struct LambdaNames: Sendable, Equatable {
    var region = "us-east-1"
    var account = "000000000000"

    func function(_ name: String, _ qualifier: String? = nil) -> String {
        "arn:aws:lambda:\(region):\(account):function:\(name)" + (qualifier.map { ":\($0)" } ?? "")
    }

    func layer(_ name: String, _ version: Int? = nil) -> String {
        "arn:aws:lambda:\(region):\(account):layer:\(name)" + (version.map { ":\($0)" } ?? "")
    }

    func eventSource(_ id: String) -> String {
        "arn:aws:lambda:\(region):\(account):event-source-mapping:\(id)"
    }
}

/// A function as a request names it: by name, partial or full ARN, with or without a qualifier.
struct FunctionReference: Sendable, Equatable {
    var name: String
    /// A version's number, `$LATEST` or an alias.
    var qualifier: String?

    /// - Parameter qualifier: the one of the request's query.
    /// - Throws: `LambdaError` when the text is none of the forms, or the qualifiers differ.
    init(_ text: String, qualifier: String? = nil) throws {
        var parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        if parts.count >= 7, parts[0] == "arn", parts[2] == "lambda", parts[5] == "function" {
            parts.removeFirst(6)
        } else if parts.count >= 3, parts[1] == "function" {
            parts.removeFirst(2)
        } else if parts.count >= 2, parts[0] == "function" {
            parts.removeFirst()
        }
        guard (1...2).contains(parts.count), !parts[0].isEmpty else {
            throw LambdaError.invalid("Invalid function name or ARN: \(text.prefix(300))")
        }
        guard parts[0].utf8.count <= 64 else {
            throw LambdaError.validation(
                "Value '\(parts[0].prefix(200))' at 'functionName' failed to satisfy constraint: "
                    + "Member must have length less than or equal to 64")
        }
        name = parts[0]
        let inName = parts.count == 2 ? parts[1] : nil
        if let inName, let qualifier, inName != qualifier {
            throw LambdaError.invalid(
                "The derived qualifier from the function name does not match the specified qualifier."
            )
        }
        self.qualifier = inName ?? qualifier
    }

    /// Whether it names the function as a whole: by no qualifier or by `$LATEST`.
    var isLatest: Bool { qualifier == nil || qualifier == "$LATEST" }

    /// The published version's number.
    var version: Int? { qualifier.flatMap { Int($0) } }
}
