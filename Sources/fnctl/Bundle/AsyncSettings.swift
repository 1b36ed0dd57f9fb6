/// How a function's asynchronous calls are treated: `async` in `function.yaml`, and in the API.
struct AsyncSettings: Sendable, Equatable {
    static let keys = ["attempts", "backoffMs", "retryOn", "maxAgeMs", "onSuccess", "onFailure"]

    var attempts: Int?
    var backoffMs: Int?
    var retryOn: [String]?
    var maxAgeMs: Int?
    var onSuccess: String?
    var onFailure: String?
    /// What the webhooks' requests are signed with; never in a file of the bundle.
    var webhookSecret: String?

    init() {}

    init(_ node: YAMLNode) throws(YAMLFileError) {
        if case .mapping(let members) = node.content,
            let secret = members.first(where: { $0.key == "webhookSecret" })
        {
            throw secret.value.error(
                "a secret does not belong in a file of the bundle; give it with "
                    + "--webhook-secret @FILE")
        }
        let fields = try YAMLFields(node, what: "async", known: Self.keys)
        attempts = try fields.int("attempts")
        backoffMs = try fields.int("backoffMs")
        retryOn = try fields["retryOn"]?.strings("retryOn")
        maxAgeMs = try fields.int("maxAgeMs")
        onSuccess = try fields.string("onSuccess")
        onFailure = try fields.string("onFailure")
    }

    /// Whether the end of a call is told to anybody, which needs a secret.
    var hasWebhook: Bool { onSuccess != nil || onFailure != nil }

    var json: JSONValue {
        .object(fields: [
            ("attempts", attempts.map(JSONValue.int)),
            ("backoffMs", backoffMs.map(JSONValue.int)),
            ("retryOn", retryOn.map { .array($0.map(JSONValue.string)) }),
            ("maxAgeMs", maxAgeMs.map(JSONValue.int)),
            ("onSuccess", onSuccess.map(JSONValue.string)),
            ("onFailure", onFailure.map(JSONValue.string)),
            // Null keeps the secret of the newest version.
            ("webhookSecret", hasWebhook ? webhookSecret.map(JSONValue.string) ?? .null : nil),
        ])
    }
}
