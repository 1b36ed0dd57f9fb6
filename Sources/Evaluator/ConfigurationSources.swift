import Configuration
import Foundation

/// Where settings come from, the strongest first: flags, environment, file, defaults.
///
/// Every source is checked in full before anything is read, so that a misspelt key is an error that
/// names it, rather than a setting that silently stays as it was.
struct ConfigurationSources {
    /// What the evaluator's variables begin with.
    static let prefix = "CLOISTER_"
    /// Names the configuration file, unless the flag `--config` does.
    static let fileVariable = "CLOISTER_CONFIG"
    /// Variables with the same beginning that are for other programs: fnctl and scripts/run-samples.
    static let foreignVariables: Set = ["CLOISTER_ENDPOINT", "CLOISTER_ONCE"]

    var flags: [ConfigurationKey: String]
    /// The path that `--config` gave.
    var configFlag: String?
    var environment: [String: String]
    var workingDirectory: String
    var coreCount: Int

    init(
        flags: [ConfigurationKey: String] = [:], configFlag: String? = nil,
        environment: [String: String] = ProcessInfo.processInfo.environment,
        workingDirectory: String = FileManager.default.currentDirectoryPath,
        coreCount: Int = ProcessInfo.processInfo.activeProcessorCount
    ) {
        self.flags = flags
        self.configFlag = configFlag
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.coreCount = coreCount
    }

    /// - Throws: `ConfigurationError`.
    func reader() throws -> ConfigReader {
        var providers = [
            Self.provider("flags", try flagValues()),
            Self.provider("environment", try environmentValues()),
        ]
        if let path = configFlag ?? environment[Self.fileVariable] {
            providers.append(Self.provider("file", try fileValues(absolute(path))))
        }
        providers.append(Self.provider("defaults", defaults))
        return ConfigReader(providers: providers)
    }

    /// `path`, from the working directory when it is relative. `~` stands for the home folder.
    func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        if path.hasPrefix("~/"), let home = environment["HOME"] { return home + path.dropFirst() }
        return "\(workingDirectory)/\(path)"
    }

    private typealias Values = [ConfigurationKey: ConfigContent]

    private static func provider(_ name: String, _ values: Values) -> InMemoryProvider {
        InMemoryProvider(
            name: name,
            values: Dictionary(
                uniqueKeysWithValues: values.map { key, content in
                    (AbsoluteConfigKey([key.rawValue]), ConfigValue(content, isSecret: false))
                }))
    }

    private func flagValues() throws -> Values {
        try flags.reduce(into: [:]) { values, flag in
            values[flag.key] = try flag.key.value(
                .string(flag.value), source: "the flag \(flag.key.flag)")
        }
    }

    private func environmentValues() throws -> Values {
        let keys = Dictionary(
            uniqueKeysWithValues: ConfigurationKey.allCases.map { ($0.variable, $0) })
        var values: Values = [:]
        for (name, value) in environment.sorted(by: { $0.key < $1.key })
        where name.hasPrefix(Self.prefix) && name != Self.fileVariable
            && !Self.foreignVariables.contains(name)
        {
            guard let key = keys[name] else {
                let known = (keys.keys + [Self.fileVariable]).sorted().joined(separator: ", ")
                throw ConfigurationError(
                    message: "the environment has the unknown variable \(name); known are: \(known)"
                )
            }
            values[key] = try key.value(.string(value), source: "the environment variable \(name)")
        }
        return values
    }

    private func fileValues(_ path: String) throws -> Values {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ConfigurationError(message: "the configuration file \(path) cannot be read")
        }
        do {
            try data.withUnsafeBytes { try JSONValidator.check($0) }
        } catch let fault as JSONFault {
            throw ConfigurationError(
                message: "the configuration file \(path) is not JSON: \(fault.message)")
        }
        guard let fields = try? JSONDecoder().decode([String: FileValue].self, from: data) else {
            throw ConfigurationError(
                message: "the configuration file \(path) has to be a JSON object")
        }
        var values: Values = [:]
        for (name, field) in fields.sorted(by: { $0.key < $1.key }) {
            guard let key = ConfigurationKey(rawValue: name) else {
                let known = ConfigurationKey.allCases.map(\.rawValue).joined(separator: ", ")
                throw ConfigurationError(
                    message: "the configuration file \(path) has the unknown key \"\(name)\"; "
                        + "known are: \(known)")
            }
            let source = "\"\(name)\" in the configuration file \(path)"
            // In a file a number is a number: "8080" in quotes is a mistake.
            if key.range != nil, case .string = field.content {
                throw ConfigurationError(message: "\(source) has to be an integer, without quotes")
            }
            values[key] = try key.value(field.content, source: source)
        }
        return values
    }

    private var defaults: Values {
        [
            .host: .string("127.0.0.1"), .port: .int(8080), .dataDir: .string(defaultDataDirectory),
            .slots: .int(max(8, 4 * coreCount)), .parked: .int(4), .queueLimit: .int(4096),
            .drainSeconds: .int(30), .logLevel: .string("info"), .connections: .int(4096),
            .requestSeconds: .int(60), .bodyMegabytes: .int(512), .answerMegabytes: .int(256),
            .lambdaRegion: .string(LambdaNames().region),
            .lambdaAccount: .string(LambdaNames().account),
        ]
    }

    /// As the XDG Base Directory Specification has it for what should outlive a restart.
    private var defaultDataDirectory: String {
        if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") {
            return "\(state)/cloister"
        }
        return "\(environment["HOME"] ?? workingDirectory)/.local/state/cloister"
    }
}

/// A value in the configuration file, of whatever type.
private struct FileValue: Decodable {
    var content: ConfigContent

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if let number = try? value.decode(Int.self) {
            content = .int(number)
        } else if let text = try? value.decode(String.self) {
            content = .string(text)
        } else {
            // Nothing here is a truth value: this one fails the check of any key, which names it.
            content = .bool(false)
        }
    }
}
