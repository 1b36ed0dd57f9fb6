/// A version of a function, as the API describes it.
struct FunctionRecord: Decodable, Sendable {
    /// How its asynchronous calls are treated.
    struct Async: Decodable, Sendable {
        let attempts: Int?
        let backoffMs: Int?
        let retryOn: [String]?
        let maxAgeMs: Int?
        let onSuccess: String?
        let onFailure: String?
    }

    /// Its latest calls failed: how many in a row, since when, and why the latest did.
    struct Failing: Decodable, Sendable {
        let calls: Int
        let since: String
        let cause: String?
    }

    let name: String
    let version: Int
    let runtime: String
    let handler: String
    let codeSha256: String
    let codeBytes: Int
    let timeoutMs: Int
    let memoryMB: Int
    let tmpMB: Int
    let env: [String: String]?
    /// The names of its secret variables.
    let secretEnv: [String]?
    let concurrency: Int?
    let async: Async?
    let isolation: String?
    let failing: Failing?
    let description: String?
    let createdAt: String
}

/// What the evaluator says about itself.
struct Readiness: Decodable, Sendable {
    struct Template: Decodable, Sendable {
        let runtime: String
        let state: String
        let interpreter: String?
        let parked: Int?
        let restarts: Int?
        let detail: String?
    }

    struct Protection: Decodable, Sendable {
        let name: String
        let status: String
        let how: String?
        let advice: String?
    }

    let ready: Bool
    let version: String?
    let templates: [Template]
    let protections: [Protection]
}
