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

extension LambdaNames {
    /// Refuses what is in another region or belongs to another account.
    /// - Parameter text: a name, or an ARN, whole or from the account on.
    /// - Throws: `ResourceNotFoundException`, `AccessDeniedException`.
    func requireHere(_ text: String) throws {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        if parts.count >= 6, parts[0] == "arn", parts[2] == "lambda" {
            guard parts[3] == region else {
                throw LambdaError.notFound(
                    "Functions from '\(parts[3])' are not reachable in this region ('\(region)')")
            }
            guard parts[4] == account else { throw Self.foreign }
        } else if parts.count >= 3, parts[1] == "function", parts[0] != account {
            throw Self.foreign
        }
    }

    /// Without a text, as Lambda's.
    private static let foreign = LambdaError("AccessDeniedException", 403, "")
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
        } else if parts.count == 6, parts[0] == "arn", parts[2] == "lambda" {
            // Cut off before the name, and read as Lambda does.
            parts.removeFirst(5)
        } else if parts.count >= 3, parts[1] == "function" {
            parts.removeFirst(2)
        } else if parts.count >= 2, parts[0] == "function" {
            parts.removeFirst()
        }
        guard (1...2).contains(parts.count), !parts[0].isEmpty else {
            throw LambdaError.invalid("Invalid function name or ARN: \(text.prefix(300))")
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
