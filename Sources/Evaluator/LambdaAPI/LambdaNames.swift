import FunctionRegistry

/// The names that Lambda's resources have here. A function or layer of the evaluator's own region has the same name
/// in the registry; that of another one begins there with the region: see `FunctionName`.
struct LambdaNames: Sendable, Equatable {
    /// The evaluator's own region: that of requests which name none, and of everything that has other ways in.
    var region = "us-east-1"
    var account = "000000000000"

    // MARK: Names

    /// The name in the registry of what a region calls so.
    func key(_ name: String, in region: String) -> String {
        FunctionName(name, region: region == self.region ? nil : region).text
    }

    func region(of key: String) -> String { FunctionName(reading: key).region ?? region }

    /// The functions of a region.
    func scope(_ region: String) -> FunctionScope {
        region == self.region ? .ownRegion : .region(region)
    }

    /// The region of a request.
    /// - Parameter given: what its signature says, which clients may set to anything.
    func region(given: String?) -> String {
        given.flatMap { FunctionName.isRegion($0) ? $0 : nil } ?? region
    }

    // MARK: ARNs

    /// - Parameter key: the name in the registry.
    func function(_ key: String, _ qualifier: String? = nil) -> String {
        arn("function", key) + (qualifier.map { ":\($0)" } ?? "")
    }

    /// - Parameter key: the name in the registry.
    func layer(_ key: String, _ version: Int? = nil) -> String {
        arn("layer", key) + (version.map { ":\($0)" } ?? "")
    }

    /// - Parameter function: the name in the registry of the function that it leads to.
    func eventSource(_ id: String, of function: String) -> String {
        arn("event-source-mapping", key(id, in: region(of: function)))
    }

    /// What an ARN of Lambda's names: `function`, `event-source-mapping`.
    static func kind(ofARN text: String) -> Substring? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count > 6 && parts[0] == "arn" && parts[2] == "lambda" ? parts[5] : nil
    }

    private func arn(_ kind: String, _ key: String) -> String {
        let name = FunctionName(reading: key)
        return "arn:aws:lambda:\(name.region ?? region):\(account):\(kind):\(name.local)"
    }
}

extension LambdaNames {
    /// The function that a request means.
    /// - Parameters:
    ///   - text: a name, or an ARN, whole or from the account or the kind on; with or without a qualifier.
    ///   - qualifier: the one of the request's query.
    ///   - region: of the request.
    /// - Throws: `LambdaError` when the text is none of the forms, the qualifiers differ, or the function is of
    ///   another region or account.
    func reference(
        _ text: String, qualifier: String? = nil, in region: String
    ) throws -> FunctionReference {
        var parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        var (place, owner) = (region, account)
        if parts.count >= 6, parts[0] == "arn", parts[2] == "lambda" {
            (place, owner) = (parts[3], parts[4])
            parts.removeFirst(5)
        } else {
            if parts.count > 1, FunctionName.isRegion(parts[0]) { place = parts.removeFirst() }
            if parts.count > 1, Self.isAccount(parts[0]) { owner = parts.removeFirst() }
        }
        // An ARN that is cut off before the name is read as Lambda does.
        if parts.count > 1, parts[0] == "function" { parts.removeFirst() }
        try requireHere(place, owner, region)
        guard (1...2).contains(parts.count), !parts[0].isEmpty else {
            throw LambdaError.invalid("Invalid function name or ARN: \(text.prefix(300))")
        }
        let inName = parts.count == 2 ? parts[1] : nil
        if let inName, let qualifier, inName != qualifier {
            throw LambdaError.invalid(
                "The derived qualifier from the function name does not match the specified qualifier."
            )
        }
        // The registry has a dot behind a region: such a name would be a way into another one.
        guard !parts[0].utf8.contains(UInt8(ascii: ".")) else {
            throw LambdaError.notFound(
                "Function not found: arn:aws:lambda:\(region):\(account):function:"
                    + parts.joined(separator: ":"))
        }
        return FunctionReference(key(parts[0], in: region), qualifier: inName ?? qualifier)
    }

    static func isAccount(_ text: String) -> Bool {
        text.utf8.count == 12 && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }

    /// Refuses what is in another region or belongs to another account.
    private func requireHere(_ place: String, _ owner: String, _ region: String) throws {
        guard place == region else {
            throw LambdaError.notFound(
                "Functions from '\(place)' are not reachable in this region ('\(region)')")
        }
        // Without a text, as Lambda's.
        guard owner == account else { throw LambdaError.denied }
    }
}

/// A function, and what of it is meant.
struct FunctionReference: Sendable, Equatable {
    /// The name in the registry.
    var name: String
    /// A version's number, `$LATEST` or an alias.
    var qualifier: String?

    init(_ name: String, qualifier: String? = nil) {
        self.name = name
        self.qualifier = qualifier
    }

    /// Whether it names the function as a whole: by no qualifier or by `$LATEST`.
    var isLatest: Bool { qualifier == nil || qualifier == "$LATEST" }

    /// The published version's number.
    var version: Int? { qualifier.flatMap { Int($0) } }
}
