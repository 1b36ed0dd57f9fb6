/// An RFC 9457 problem document as the evaluator writes it.
struct Problem: Sendable {
    let json: JSONValue

    /// Nil when the value is not a problem document.
    init?(_ json: JSONValue) {
        guard case .object = json,
            json["title"]?.stringValue != nil || json["detail"]?.stringValue != nil
        else { return nil }
        self.json = json
    }

    /// The stable last part of `type`, such as `not-found`.
    var slug: String {
        let type = json["type"]?.stringValue ?? ""
        return String(type[(type.lastIndex(of: "/").map(type.index(after:)) ?? type.startIndex)...])
    }

    /// What was wrong and what to do.
    var detail: String {
        json["detail"]?.stringValue ?? json["title"]?.stringValue ?? "the evaluator gave no reason"
    }

    var field: String? { json["field"]?.stringValue }
    var state: String? { json["state"]?.stringValue }
    var cause: String? { json["cause"]?.stringValue }
    var message: String? { json["message"]?.stringValue }
    var stack: [String] { (json["stack"]?.arrayValue ?? []).compactMap(\.stringValue) }

    /// The detail, with the field it concerns where the detail does not name it already.
    var summary: String {
        guard let field, !detail.contains(field) else { return detail }
        return "\(field): \(detail)"
    }
}
