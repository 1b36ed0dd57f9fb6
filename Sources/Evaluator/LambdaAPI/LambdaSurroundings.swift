import FunctionRegistry
import NIOCore

/// What the calls of functions that came through Lambda's API find around them.
struct LambdaSurroundings: SurroundingsProviding {
    let registry: FunctionRegistry
    let names: LambdaNames

    func surroundings(
        of version: FunctionVersion
    ) async throws -> (version: FunctionVersion, surroundings: CallSurroundings?) {
        guard
            let document = try await registry.document(LambdaFunction.collection, version.name)
        else { return (version, nil) }
        let function: LambdaFunction = try decoded(document.body)
        let configuration = try await configuration(of: version, function)
        var version = version
        if let reserved = function.reservedConcurrency {
            // 0 is for a function of which no call may begin.
            version.concurrency = min(reserved, FunctionSpec.concurrencyRange.upperBound)
        }
        version.async = Self.asyncSettings(function, configuration.version)
        let names = names
        let (name, group) = (function.name, function.logGroup)
        let (isUnqualified, label) = (configuration.number == nil, configuration.version)
        let number = version.version
        return (
            version,
            CallSurroundings(
                environment: environment(function, configuration, registryVersion: number),
                context: { call, trace in
                    LambdaContext(
                        call: call, function: name, version: label,
                        arn: names.function(name, isUnqualified ? nil : label),
                        registryVersion: number, group: group, trace: trace
                    ).text
                },
                version: label, logging: configuration.logging ?? LambdaLogging())
        )
    }

    /// The version's own; one that `$LATEST` once was is shown as what it is now.
    private func configuration(
        of version: FunctionVersion, _ function: LambdaFunction
    ) async throws -> LambdaConfiguration {
        guard version.version != function.latest.registryVersion else { return function.latest }
        // There may be thousands.
        let document = try await registry.document(
            LambdaFunction.versionCollection, prefix: "\(function.name):",
            field: "registryVersion", number: version.version)
        return try document.map { try decoded($0.body) } ?? function.latest
    }

    /// What an event-invoke configuration says of the version: its own, or that of an alias which names it.
    private static func asyncSettings(
        _ function: LambdaFunction, _ version: String
    ) -> AsyncSettings? {
        let aliases = function.aliases.filter { $0.value.version == version }.keys.sorted()
        guard
            let found = ([version] + aliases).compactMap({ function.eventInvokes[$0] }).first
        else { return nil }
        var settings = AsyncSettings()
        if let retries = found.retries { settings.attempts = retries + 1 }
        if let seconds = found.maxAgeSeconds { settings.maxAgeMs = seconds * 1000 }
        settings.onSuccess = found.onSuccess
        settings.onFailure = found.onFailure
        return settings
    }

    private func environment(
        _ function: LambdaFunction, _ configuration: LambdaConfiguration, registryVersion: Int
    ) -> [String: String] {
        let isProvisioned = function.provisioned.keys.contains { qualifier in
            (function.aliases[qualifier]?.version ?? qualifier) == configuration.version
        }
        let isPython = configuration.runtime.hasPrefix("python")
        var variables = [
            "_HANDLER": configuration.handler,
            "AWS_EXECUTION_ENV": "AWS_Lambda_\(configuration.runtime)",
            "AWS_DEFAULT_REGION": names.region(of: function.name),
            "AWS_REGION": names.region(of: function.name),
            "AWS_LAMBDA_FUNCTION_NAME": FunctionName(reading: function.name).local,
            "AWS_LAMBDA_FUNCTION_VERSION": configuration.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "\(configuration.memoryMB)",
            "AWS_LAMBDA_INITIALIZATION_TYPE": isProvisioned
                ? "provisioned-concurrency" : "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": function.logGroup,
            "AWS_LAMBDA_LOG_STREAM_NAME": LambdaLogs.stream(
                of: function.name, version: configuration.version,
                registryVersion: registryVersion, group: function.logGroup, atMs: currentTimeMs()),
            "LAMBDA_TASK_ROOT": "/var/task",
            "LAMBDA_RUNTIME_DIR": "/var/runtime",
            "LANG": "en_US.UTF-8",
            "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
            "LD_LIBRARY_PATH":
                "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
            "TZ": ":UTC",
            "PWD": "/var/task",
            "SHLVL": "0",
            // They lead nowhere: there is nothing that they could be used for, but clients ask for some.
            "AWS_ACCESS_KEY_ID": "ASIAQAAAAAAAAAAAAAAA",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_SESSION_TOKEN": "none",
        ]
        let logging = configuration.logging ?? LambdaLogging()
        variables["AWS_LAMBDA_LOG_FORMAT"] = logging.format.rawValue
        variables["AWS_LAMBDA_LOG_LEVEL"] = logging.applicationLevel
        if isPython {
            variables["PYTHONPATH"] = "/var/runtime"
        } else {
            let major = configuration.runtime.filter(\.isNumber)
            variables["NODE_PATH"] =
                "/opt/nodejs/node\(major)/node_modules:/opt/nodejs/node_modules:"
                + "/var/runtime/node_modules:/var/runtime:/var/task"
        }
        return variables
    }
}

/// What a call's context object is made of, for executors.
struct LambdaContext: Sendable {
    var call: String
    /// Its name in the registry.
    var function: String
    var version: String
    /// As the call named the function.
    var arn: String
    /// The number of the code and settings that run.
    var registryVersion: Int
    /// The log group.
    var group: String
    /// JSON of the client's own, from its header.
    var client: String?
    /// Whether the caller takes the result in pieces.
    var streams = false
    /// The caller's own trace, in the form of the header X-Amzn-Trace-Id; `nil` for a new one.
    var trace: String?

    var text: String {
        var fields: [String: JSONValue] = [
            "requestId": .string(LambdaRequestID.text(of: call)),
            "invokedFunctionArn": .string(arn),
            "functionName": .string(FunctionName(reading: function).local),
            "functionVersion": .string(version),
            "logGroupName": .string(group),
            "logStreamName": .string(
                LambdaLogs.stream(
                    of: function, version: version, registryVersion: registryVersion,
                    group: group, atMs: currentTimeMs())),
        ]
        fields["traceId"] = .string(trace ?? LambdaTrace.new())
        if streams { fields["streams"] = true }
        fields["clientContext"] = client.flatMap { try? JSONValue(text: $0) }
        return JSONValue.object(fields).text
    }
}

/// The ids of calls in the form that Lambda's clients expect: the same 128 bits as a UUID.
enum LambdaRequestID {
    private static let digits = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

    /// - Parameter call: 26 characters of Crockford's base32; see `CallIDGenerator`.
    static func text(of call: String) -> String {
        var value: UInt128 = 0
        for byte in call.utf8 {
            value = value << 5 | UInt128(digits.firstIndex(of: byte) ?? 0)
        }
        let hex = String(value, radix: 16)
        let text = Array(String(repeating: "0", count: max(0, 32 - hex.count)) + hex)
        return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(text[$0]) }
            .joined(separator: "-")
    }
}
