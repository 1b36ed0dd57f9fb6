import Configuration
import Foundation
import FunctionRegistry
import Logging

/// A setting that cannot be used, and where it came from.
struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    var message: String
    var description: String { message }
}

/// What the evaluator can be told. The raw value is the key in the configuration file; the flag is
/// `--data-dir` and the variable `CLOISTER_DATA_DIR` for `dataDir`.
enum ConfigurationKey: String, CaseIterable {
    case host, port, dataDir, slots, parked, queueLimit, drainSeconds, logLevel, python, node,
        executorsDir, userNamespaces, webhookHosts, bundleBytes, freeBytes, hosts, connections,
        requestSeconds, bodyMegabytes, answerMegabytes, lambdaRuntime, lambdaRegion,
        lambdaAccount

    /// The integers that are acceptable; `nil` for text.
    var range: ClosedRange<Int>? {
        switch self {
        case .port: 0...65_535
        case .slots: 1...4096
        case .parked: 1...256
        case .queueLimit: 0...1_000_000
        case .drainSeconds: 0...3600
        case .bundleBytes, .freeBytes: 0...(1 << 60)
        case .connections: 1...1_000_000
        case .requestSeconds: 1...3600
        case .bodyMegabytes, .answerMegabytes: 16...1_000_000
        case .host, .dataDir, .logLevel, .python, .node, .executorsDir, .userNamespaces,
            .webhookHosts, .hosts, .lambdaRuntime, .lambdaRegion, .lambdaAccount:
            nil
        }
    }

    private var words: [String] {
        rawValue.reduce(into: [""]) { words, character in
            if character.isUppercase { words.append("") }
            words[words.count - 1] += character.lowercased()
        }
    }

    var flag: String { "--" + words.joined(separator: "-") }
    var variable: String { ConfigurationSources.prefix + words.joined(separator: "_").uppercased() }

    /// Checks a value, which is text where it comes from a flag or a variable.
    /// - Parameter source: how the user wrote the key and where.
    func value(_ content: ConfigContent, source: String) throws -> ConfigContent {
        if let range {
            let number: Int? =
                switch content {
                case .int(let number): number
                case .string(let text): Int(text)
                default: nil
                }
            guard let number, range.contains(number) else {
                throw ConfigurationError(
                    message:
                        "\(source) has to be an integer from \(range.lowerBound) to \(range.upperBound)"
                )
            }
            return .int(number)
        }
        guard case .string(let text) = content, !text.isEmpty else {
            throw ConfigurationError(message: "\(source) has to be a text that is not empty")
        }
        if self == .logLevel, Logger.Level(rawValue: text) == nil {
            let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            throw ConfigurationError(message: "\(source) has to be one of: \(levels)")
        }
        if self == .userNamespaces, UserNamespacePolicy(rawValue: text) == nil {
            throw ConfigurationError(message: "\(source) has to be required or optional")
        }
        if self == .lambdaRegion, !FunctionName.isRegion(text) {
            throw ConfigurationError(message: "\(source) has to be a region, such as eu-west-1")
        }
        if self == .lambdaAccount, !LambdaNames.isAccount(text) {
            throw ConfigurationError(message: "\(source) has to be an account's 12 digits")
        }
        return .string(text)
    }
}

/// What the evaluator does where it cannot make user namespaces.
enum UserNamespacePolicy: String {
    /// It does not start.
    case required
    /// As root, it runs without them.
    case optional
}

/// The evaluator's settings, complete and checked.
struct EvaluatorConfiguration: Sendable, Equatable {
    var host: String
    /// 0 for any that is free.
    var port: Int
    /// The folder of the registry; absolute.
    var dataDirectory: String
    /// Calls that run at once.
    var slots: Int
    /// Cells that are kept ready for each runtime.
    var parked: Int
    /// Calls that wait for a slot before more are refused.
    var queueLimit: Int
    /// How long calls may still run once the evaluator is told to stop.
    var drainSeconds: Int
    var logLevel: Logger.Level
    /// The Python interpreter; `nil` to look for it.
    var python: String?
    /// The Node executable; `nil` to look for it.
    var node: String?
    /// The folder of the executors; `nil` to look for it.
    var executorsDirectory: String?
    /// What Lambda's runtimes bring along for handlers, such as boto3; `nil` to look for it.
    var lambdaRuntime: String?
    /// The region and the account of functions in Lambda's API, where requests name no other region.
    var lambdaRegion: String
    var lambdaAccount: String
    var userNamespaces: UserNamespacePolicy
    var webhookHosts: WebhookHosts
    /// What registrations may take of the disk.
    var space: SpaceLimits
    /// Names that clients and web pages reach the evaluator by, besides this machine's own; in small letters.
    var hosts: Set<String>
    /// Connections that are open at once.
    var connections: Int
    /// How long a request may take to come, besides a second for every 10 kB.
    var requestSeconds: Int
    /// Memory for the bodies of all requests that are being received.
    var bodyMegabytes: Int
    /// Memory for the answers of all connections that their clients have not read.
    var answerMegabytes: Int

    /// - Throws: `ConfigurationError` that names the key and where it came from.
    init(_ sources: ConfigurationSources) throws {
        let reader = try sources.reader()
        func int(_ key: ConfigurationKey) throws -> Int {
            try reader.requiredInt(forKey: .init(key))
        }
        func text(_ key: ConfigurationKey) -> String? { reader.string(forKey: .init(key)) }
        host = try reader.requiredString(forKey: .init(.host))
        port = try int(.port)
        dataDirectory = sources.absolute(try reader.requiredString(forKey: .init(.dataDir)))
        slots = try int(.slots)
        parked = try int(.parked)
        queueLimit = try int(.queueLimit)
        drainSeconds = try int(.drainSeconds)
        logLevel = text(.logLevel).flatMap(Logger.Level.init(rawValue:)) ?? .info
        python = text(.python).map(sources.absolute)
        node = text(.node).map(sources.absolute)
        executorsDirectory = text(.executorsDir).map(sources.absolute)
        lambdaRuntime = text(.lambdaRuntime).map(sources.absolute)
        lambdaRegion = try reader.requiredString(forKey: .init(.lambdaRegion))
        lambdaAccount = try reader.requiredString(forKey: .init(.lambdaAccount))
        userNamespaces =
            text(.userNamespaces).flatMap(UserNamespacePolicy.init(rawValue:)) ?? .required
        webhookHosts = try WebhookHosts(text(.webhookHosts) ?? "")
        space = SpaceLimits(
            bundleBytes: reader.int(forKey: .init(.bundleBytes)),
            freeBytes: reader.int(forKey: .init(.freeBytes)))
        hosts = try Self.hosts(text(.hosts) ?? "")
        connections = try int(.connections)
        requestSeconds = try int(.requestSeconds)
        bodyMegabytes = try int(.bodyMegabytes)
        answerMegabytes = try int(.answerMegabytes)
    }

    private static func hosts(_ list: String) throws -> Set<String> {
        try Set(
            list.split(separator: ",").map { item in
                let name = item.filter { $0 != " " }
                guard let authority = Authority(name), authority.port == nil else {
                    throw ConfigurationError(
                        message:
                            "hosts has \"\(item)\", which is no name or address; ports do not matter"
                    )
                }
                return authority.host
            })
    }
}

extension ConfigKey {
    fileprivate init(_ key: ConfigurationKey) {
        self.init([key.rawValue])
    }
}
