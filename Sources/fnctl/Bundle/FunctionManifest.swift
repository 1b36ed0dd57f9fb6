import Foundation

/// The settings of a function that are given; nil where they are not.
struct FunctionSettings: Sendable, Equatable {
    var runtime: String?
    var handler: String?
    var timeoutMs: Int?
    var memoryMB: Int?
    var tmpMB: Int?
    var env: [String: String] = [:]
    var secretEnv: [String: SecretValue] = [:]
    var concurrency: Int?
    var async: AsyncSettings?
    var isolation: String?
    var description: String?

    /// These settings where they are given, and `defaults` elsewhere; variables are joined.
    func filled(from defaults: FunctionSettings) -> FunctionSettings {
        FunctionSettings(
            runtime: runtime ?? defaults.runtime,
            handler: handler ?? defaults.handler,
            timeoutMs: timeoutMs ?? defaults.timeoutMs,
            memoryMB: memoryMB ?? defaults.memoryMB,
            tmpMB: tmpMB ?? defaults.tmpMB,
            env: defaults.env.merging(env) { _, own in own },
            secretEnv: defaults.secretEnv.merging(secretEnv) { _, own in own },
            concurrency: concurrency ?? defaults.concurrency,
            async: async ?? defaults.async,
            isolation: isolation ?? defaults.isolation,
            description: description ?? defaults.description)
    }
}

/// `function.yaml`: the settings that a function's folder brings along.
enum FunctionManifest {
    static let fileName = "function.yaml"

    /// The folder's settings; none when it has no `function.yaml`.
    static func read(in folder: URL) throws -> FunctionSettings {
        let url = folder.appending(path: fileName)
        let path = url.path(percentEncoded: false)
        guard FileManager.default.fileExists(atPath: path) else { return FunctionSettings() }
        do {
            return try parse(try readText(url), file: path)
        } catch let error as YAMLFileError {
            throw error.failure
        }
    }

    static func parse(_ text: String, file: String) throws(YAMLFileError) -> FunctionSettings {
        guard let root = try YAMLNode.parse(text, file: file) else { return FunctionSettings() }
        let fields = try YAMLFields(
            root, what: "a function.yaml",
            known: [
                "runtime", "handler", "timeoutMs", "memoryMB", "tmpMB", "env", "secretEnv",
                "concurrency", "async", "isolation", "description",
            ])
        var settings = FunctionSettings(
            runtime: try fields.string("runtime"),
            handler: try fields.string("handler"),
            timeoutMs: try fields.int("timeoutMs"),
            memoryMB: try fields.int("memoryMB"),
            tmpMB: try fields.int("tmpMB"),
            concurrency: try fields.int("concurrency"),
            isolation: try fields.string("isolation"),
            description: try fields.string("description"))
        if let node = fields["env"] {
            settings.env = try environment(node)
        }
        if let node = fields["secretEnv"] {
            for name in try secretNames(node) { settings.secretEnv[name] = .stored }
        }
        if let node = fields["async"] {
            settings.async = try AsyncSettings(node)
        }
        return settings
    }

    private static func secretNames(_ node: YAMLNode) throws(YAMLFileError) -> [String] {
        if case .mapping = node.content {
            throw node.error(
                "secretEnv must be a list of names: a value does not belong in a file of the "
                    + "bundle; set it in the environment of fnctl, or see --secret")
        }
        return try node.strings("secretEnv")
    }

    private static func environment(_ node: YAMLNode) throws(YAMLFileError) -> [String: String] {
        guard case .mapping(let members) = node.content else {
            throw node.error("env must have keys, the names of variables")
        }
        var environment: [String: String] = [:]
        for (key, _, value) in members {
            switch value.content {
            // A number is plain enough as it is written; for null or true the text is a guess.
            case .scalar(.string, let text), .scalar(.number, let text): environment[key] = text
            default: throw value.error("env.\(key) must be text; put it in quotes")
            }
        }
        return environment
    }
}
