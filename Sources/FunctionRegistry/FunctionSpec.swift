/// The languages that functions can be written in. The raw value is the API's `runtime`.
public enum FunctionRuntime: String, Sendable, Codable, CaseIterable {
    case python
    case javascript
}

/// What calls of a function share. The raw value is the API's `isolation`.
public enum FunctionIsolation: String, Sendable, Codable, CaseIterable {
    /// Nothing: each call loads the code in a fresh cell.
    case call
    /// The loaded code, as it was before the first call: each call is a fresh copy of it.
    case snapshot
    /// All of it: one cell serves call after call, one at a time.
    case reuse
}

/// A function's settings, without its code.
public struct FunctionSpec: Sendable, Equatable {
    public var runtime: FunctionRuntime
    /// `file.function`; see `HandlerName`.
    public var handler: String
    /// Wall time of a call in milliseconds, 1 to 900,000.
    public var timeoutMs: Int
    /// Memory of a call in MB of 1,048,576 bytes, 32 to 10,240.
    public var memoryMB: Int
    /// Size of a call's /tmp in MB, 1 to 10,240.
    public var tmpMB: Int
    /// Environment of the handler, at most 4 KB of keys and values together.
    public var environment: [String: String]
    /// More environment, which is kept encrypted and never shown.
    public var secrets: [String: Secret]
    /// What webhooks are signed with: the key itself, as `WebhookKey` reads it.
    public var webhookSecret: Secret?
    /// Calls that run at once, 1 to 4,096; `nil` for as many as there are slots.
    public var concurrency: Int?
    public var async: AsyncSettings?
    public var isolation: FunctionIsolation
    /// Bundles whose files are together at /opt, later ones over earlier ones; they have to be stored.
    public var layers: [String] = []
    /// At most 1,024 characters; `nil` and the empty text are the same.
    public var description: String?

    /// A secret value, as it is given.
    public enum Secret: Sendable, Equatable {
        case value(String)
        /// The newest version's.
        case kept
    }

    public init(
        runtime: FunctionRuntime, handler: String = "index.handler", timeoutMs: Int = 3000,
        memoryMB: Int = 128, tmpMB: Int = 16, environment: [String: String] = [:],
        secrets: [String: Secret] = [:], webhookSecret: Secret? = nil, concurrency: Int? = nil,
        async: AsyncSettings? = nil, isolation: FunctionIsolation = .call,
        description: String? = nil
    ) {
        self.runtime = runtime
        self.handler = handler
        self.timeoutMs = timeoutMs
        self.memoryMB = memoryMB
        self.tmpMB = tmpMB
        self.environment = environment
        self.secrets = secrets
        self.webhookSecret = webhookSecret
        self.concurrency = concurrency
        self.async = async
        self.isolation = isolation
        self.description = description
    }

    public static let timeoutMsRange = 1...900_000
    public static let memoryMBRange = 32...10_240
    public static let tmpMBRange = 1...10_240
    public static let concurrencyRange = 1...4096
    /// Shorter ones could not be told from other text, and not be kept out of logs.
    public static let minimumSecretBytes = 8
    public static let maximumEnvironmentBytes = 4096
    public static let maximumDescriptionCharacters = 1024

    /// - Parameter hasFile: whether the handler's name has to lead to a file of the bundle.
    /// - Throws: `RegistryError.invalidFunction` that names the first field that is not acceptable.
    public func validate(hasFile: Bool = true) throws {
        if hasFile { _ = try HandlerName(handler, runtime: runtime) }
        try Self.check(timeoutMs, in: Self.timeoutMsRange, field: "timeoutMs", unit: "milliseconds")
        try Self.check(memoryMB, in: Self.memoryMBRange, field: "memoryMB", unit: "MB")
        try Self.check(tmpMB, in: Self.tmpMBRange, field: "tmpMB", unit: "MB")
        try validateEnvironment()
        if let concurrency {
            try Self.check(
                concurrency, in: Self.concurrencyRange, field: "concurrency", unit: "calls")
        }
        try validateAsync()
        if let description {
            // Unicode scalars are what JSON Schema counts as characters.
            let length = description.unicodeScalars.count
            guard length <= Self.maximumDescriptionCharacters else {
                throw RegistryError.invalidFunction(
                    field: "description",
                    message: "the description has \(length) characters; "
                        + "at most \(Self.maximumDescriptionCharacters) are kept")
            }
            guard !description.unicodeScalars.contains("\0") else {
                throw RegistryError.invalidFunction(
                    field: "description",
                    message: "the description has a NUL character; leave it out")
            }
        }
    }

    /// - Throws: `RegistryError.invalidFunction` for the field `name`, unless it is a `FunctionName`.
    public static func validate(name: String) throws {
        guard FunctionName(reading: name).isWellFormed else {
            throw RegistryError.invalidFunction(
                field: "name",
                message:
                    "the name \(quoted(name)) is not 1 to 64 letters, digits, _ and - (of Lambda's "
                    + "other regions, with the region and a dot in front)")
        }
    }

    private func validateEnvironment() throws {
        func refuse(_ message: String, _ key: String? = nil) -> RegistryError {
            let isSecret = key.map { secrets[$0] != nil } ?? environment.isEmpty
            return .invalidFunction(field: isSecret ? "secretEnv" : "env", message: message)
        }
        var bytes = 0
        let given = secrets.compactMapValues { secret -> String? in
            if case .value(let value) = secret { value } else { nil }
        }
        for (key, value) in given.sorted(by: { $0.key < $1.key })
        where value.utf8.count < Self.minimumSecretBytes {
            throw RegistryError.invalidFunction(
                field: "secretEnv",
                message: "the value of \(quoted(key)) is shorter than \(Self.minimumSecretBytes) "
                    + "bytes, too short to be kept out of logs and errors")
        }
        if let twice = secrets.keys.sorted().first(where: { environment[$0] != nil }) {
            throw RegistryError.invalidFunction(
                field: "secretEnv", message: "\(quoted(twice)) is in env as well; leave one out")
        }
        let keys = Array(environment) + secrets.keys.map { ($0, given[$0] ?? "") }
        for (key, value) in keys.sorted(by: { $0.0 < $1.0 }) {
            guard let first = key.utf8.first, !(0x30...0x39).contains(first),
                key.utf8.allSatisfy(isWord)
            else {
                throw refuse(
                    "the environment variable \(quoted(key)) is not made of letters, digits and _, "
                        + "beginning with no digit", key)
            }
            guard !value.utf8.contains(0) else {
                throw refuse(
                    "the value of \(key) has a NUL byte, which no environment can hold", key)
            }
            bytes += key.utf8.count + value.utf8.count
        }
        guard bytes <= Self.maximumEnvironmentBytes else {
            throw refuse(
                "the environment has \(bytes) bytes of keys and values; "
                    + "at most \(Self.maximumEnvironmentBytes) fit")
        }
    }

    private func validateAsync() throws {
        guard let async else {
            guard webhookSecret == nil else {
                throw RegistryError.invalidFunction(
                    field: "async.webhookSecret", message: "there is no URL whose requests it signs"
                )
            }
            return
        }
        try Self.check(
            async.attempts, in: AsyncSettings.attemptsRange, field: "async.attempts",
            unit: "attempts")
        try Self.check(
            async.backoffMs, in: AsyncSettings.backoffMsRange, field: "async.backoffMs",
            unit: "milliseconds")
        try Self.check(
            async.maxAgeMs, in: AsyncSettings.maxAgeMsRange, field: "async.maxAgeMs",
            unit: "milliseconds")
        guard async.hasWebhook == (webhookSecret != nil) else {
            throw RegistryError.invalidFunction(
                field: "async.webhookSecret",
                message: async.hasWebhook
                    ? "webhooks are signed, so a URL needs a webhookSecret: whsec_ and the base64 of "
                        + "24 to 64 random bytes"
                    : "there is no URL whose requests it signs")
        }
        if case .value(let text) = webhookSecret { _ = try WebhookKey(text) }
    }

    private static func check(
        _ value: Int, in range: ClosedRange<Int>, field: String, unit: String
    ) throws {
        guard range.contains(value) else {
            throw RegistryError.invalidFunction(
                field: field,
                message: "\(field) is \(value); it can be \(range.lowerBound) to "
                    + "\(range.upperBound) \(unit)")
        }
    }
}

/// A function's code, as it arrives.
public enum FunctionCode: Sendable {
    /// One source text, which becomes the handler's file.
    case source(String)
    /// A zip archive.
    case zip([UInt8])
    /// What another version has, and its bytes unpacked.
    case bundle(sha256: String, bytes: Int)
}

/// How a version is registered.
public struct PutOptions: Sendable {
    /// Whether the handler's name has to lead to a file of the code; without it, calls find out.
    public var requiresHandlerFile = true
    /// Whether there is a new version even when the newest one does the same.
    public var isAlwaysNew = false
    /// Whether it has to be the first version.
    public var mustBeNew = false
    /// Changes that are made together with the version.
    public var documents: (@Sendable (FunctionVersion) throws -> [DocumentChange])?

    public init() {}
}
