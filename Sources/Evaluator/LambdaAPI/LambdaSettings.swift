import Foundation
import FunctionRegistry

/// The settings of a version as Lambda's clients give them.
struct LambdaSettings: Sendable {
    var runtime: String
    var role: String
    var handler: String
    var description = ""
    var timeoutSeconds = 3
    var memoryMB = 128
    var tmpMB = 512
    var environment: [String: String]?
    var architectures = ["x86_64"]
    var inert: [String: JSONValue] = [:]
    var logging = LambdaLogging()
    /// In the order of the request: the layers and their bundles.
    var layers: [LambdaLayerUse] = []
    /// The bundle of all layers together, from the version before; instead of theirs.
    var mergedLayers: String?

    /// - Throws: `InvalidParameterValueException` for what cannot work here.
    init(creating request: LambdaRequest) throws {
        guard request.string("PackageType") ?? "Zip" == "Zip" else {
            throw LambdaError.invalid(
                "Container images cannot run here; PackageType has to be Zip")
        }
        guard let runtime = request.string("Runtime"), let handler = request.string("Handler")
        else {
            throw LambdaError.invalid(
                "Runtime and Handler are mandatory parameters for functions created with "
                    + "deployment packages.")
        }
        self.runtime = runtime
        self.handler = handler
        role = try request.required("Role")
        try update(request)
    }

    /// The settings of a version.
    init(_ configuration: LambdaConfiguration) {
        runtime = configuration.runtime
        role = configuration.role
        handler = configuration.handler
        description = configuration.description
        timeoutSeconds = configuration.timeoutSeconds
        memoryMB = configuration.memoryMB
        tmpMB = configuration.tmpMB
        environment = configuration.environment
        architectures = configuration.architectures
        inert = configuration.inert
        logging = configuration.logging ?? LambdaLogging()
        layers = configuration.layers.map {
            LambdaLayerUse(arn: $0.arn, codeBytes: $0.codeBytes, bundle: nil)
        }
        mergedLayers = configuration.mergedLayers
    }

    /// Takes over what a request gives.
    mutating func update(_ request: LambdaRequest) throws {
        runtime = request.string("Runtime") ?? runtime
        handler = request.string("Handler") ?? handler
        role = request.string("Role") ?? role
        description = request.string("Description") ?? description
        timeoutSeconds = request.int("Timeout") ?? timeoutSeconds
        memoryMB = request.int("MemorySize") ?? memoryMB
        tmpMB = request.object("EphemeralStorage")?["Size"]?.int ?? tmpMB
        if let given = request.object("Environment") {
            environment = given["Variables"]?.stringMap ?? [:]
        }
        architectures = request.input["Architectures"]?.strings ?? architectures
        try takeInert(request)
        try check()
    }

    private mutating func takeInert(_ request: LambdaRequest) throws {
        for name in ["TracingConfig", "DeadLetterConfig", "KMSKeyArn"] {
            guard let value = request.input[name] else { continue }
            let isEmpty = value == "" || value.object?.values.allSatisfy { $0 == "" } == true
            inert[name] = isEmpty ? nil : value
        }
        if let value = request.object("VpcConfig") {
            let isEmpty = value.object?.values.allSatisfy { $0.array?.isEmpty ?? true } ?? true
            inert["VpcConfig"] =
                isEmpty
                ? nil
                : .fields([
                    "SubnetIds": value["SubnetIds"] ?? [],
                    "SecurityGroupIds": value["SecurityGroupIds"] ?? [], "VpcId": "vpc-none",
                ])
        }
        if let apply = request.object("SnapStart")?["ApplyOn"]?.string, apply != "None" {
            inert["SnapStart"] = ["ApplyOn": .string(apply), "OptimizationStatus": "Off"]
        } else if request.object("SnapStart") != nil {
            inert["SnapStart"] = nil
        }
        if let given = request.object("LoggingConfig") { logging.update(given) }
    }

    private func check() throws {
        _ = try registryRuntime()
        guard (1...900).contains(timeoutSeconds) else {
            throw LambdaError.validation(
                "Value '\(timeoutSeconds)' at 'timeout' failed to satisfy constraint: Member must "
                    + "have value less than or equal to 900")
        }
        guard (128...10_240).contains(memoryMB) else {
            throw LambdaError.invalid(
                "'MemorySize' value failed to satisfy constraint: Member must have value less than "
                    + "or equal to 10240")
        }
        guard architectures == [LambdaSettings.machine] else {
            throw LambdaError.invalid(
                "This machine runs \(LambdaSettings.machine), not \(architectures.joined(separator: ", "))"
            )
        }
        try checkWrapper()
        try checkEnvironmentSize()
        for name in (environment ?? [:]).keys.sorted() where Self.reserved(name) {
            throw LambdaError.invalid(
                "Lambda was unable to configure your environment variables because the environment "
                    + "variables you have provided contains reserved keys that are currently not "
                    + "supported for modification. Reserved keys used in this request: \(name)")
        }
    }

    /// A wrapper is a program that starts the runtime, and cells start none: without it, what it was to bring
    /// along would be missing in silence.
    private func checkWrapper() throws {
        guard let wrapper = environment?["AWS_LAMBDA_EXEC_WRAPPER"] else { return }
        throw LambdaError.invalid(
            "AWS_LAMBDA_EXEC_WRAPPER names the program \(wrapper), and functions here cannot start "
                + "programs: take the variable away")
    }

    #if arch(arm64)
        static let machine = "arm64"
    #else
        static let machine = "x86_64"
    #endif

    /// Variables that Lambda sets by itself.
    static func reserved(_ name: String) -> Bool {
        [
            "_HANDLER", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
            "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE",
            "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY",
            "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
            "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
        ].contains(name)
    }

    private func checkEnvironmentSize() throws {
        guard let environment, !environment.isEmpty else { return }
        let text = JSONValue.map(environment).text
        guard text.utf8.count <= FunctionSpec.maximumEnvironmentBytes else {
            throw LambdaError.invalid(
                "Lambda was unable to configure your environment variables because the environment "
                    + "variables you have provided exceeded the 4KB limit. String measured: "
                    + LambdaError.shown(text))
        }
    }

    /// The language of a runtime's name.
    func registryRuntime() throws -> FunctionRuntime {
        guard !Self.isRetired(runtime) else {
            throw LambdaError.invalid(
                "The runtime parameter of \(runtime) is no longer supported for creating or updating "
                    + "AWS Lambda functions. We recommend you use a supported runtime while creating "
                    + "or updating functions.")
        }
        guard Self.supported.contains(runtime) else {
            throw LambdaError.invalid(
                "Value \(runtime) at 'runtime' failed to satisfy constraint: Member must satisfy enum "
                    + "value set: [\(Self.supported.joined(separator: ", "))] or be a valid ARN")
        }
        if runtime.hasPrefix("python3.") { return .python }
        if runtime.hasPrefix("nodejs") { return .javascript }
        throw LambdaError.invalid(
            "The runtime \(runtime) is not supported here: functions are python3.x or nodejsXX.x, "
                + "and run on the interpreters that the evaluator has found")
    }

    private static func isRetired(_ runtime: String) -> Bool {
        [
            "java8", "go1.x", "provided", "ruby2.7", "ruby2.5", "dotnet7", "dotnet5.0", "nodejs",
            "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10", "nodejs10.x", "nodejs12.x",
            "nodejs14.x", "python2.7", "python3.6", "python3.7",
        ].contains(runtime) || runtime.hasPrefix("dotnetcore")
    }

    /// In the order of Lambda's own message.
    private static let supported = [
        "nodejs20.x", "python3.14", "provided.al2023", "python3.12", "python3.13", "nodejs24.x",
        "nodejs22.x", "java25", "python3.10", "python3.11", "java21", "ruby3.3", "ruby3.4",
        "ruby3.2",
        "python3.8", "python3.9", "java17", "nodejs16.x", "dotnet10", "dotnet8", "java11",
        "dotnet6",
        "nodejs18.x", "provided.al2", "java8.al2",
    ]

    /// The registry's settings of a version.
    func spec(_ isolation: FunctionIsolation) throws -> FunctionSpec {
        let language = try registryRuntime()
        var spec = FunctionSpec(
            runtime: language, handler: handler,
            timeoutMs: timeoutSeconds * 1000, memoryMB: memoryMB, tmpMB: tmpMB,
            environment: environment ?? [:], isolation: isolation,
            description: description.isEmpty ? nil : description)
        spec.layers = layers.compactMap(\.bundle)
        if let mergedLayers { spec.layers = [mergedLayers] }
        return spec
    }

    /// What Lambda's API keeps of a version that the registry has just made.
    func configuration(
        _ version: FunctionVersion, code: LambdaConfiguration.Code, number: Int? = nil,
        isUpdate: Bool = false
    ) -> LambdaConfiguration {
        LambdaConfiguration(
            registryVersion: version.version, number: number, runtime: runtime, role: role,
            handler: handler, description: description, timeoutSeconds: timeoutSeconds,
            memoryMB: memoryMB, tmpMB: tmpMB, environment: environment, codeSha256: code.sha256,
            codeBytes: code.bytes, archive: code.archive, bundle: version.codeSha256,
            bundleBytes: version.codeBytes,
            layers: layers.map { .init(arn: $0.arn, codeBytes: $0.codeBytes) },
            mergedLayers: version.layers, architectures: architectures, inert: inert,
            modifiedAtMs: version.createdAtMs, revision: newRevision(),
            begunAtMs: version.createdAtMs, isUpdate: isUpdate, logging: logging)
    }
}

/// A layer that a version uses.
struct LambdaLayerUse: Sendable {
    var arn: String
    var codeBytes: Int
    /// The registry's bundle; `nil` for one that is in `mergedLayers` already.
    var bundle: String?
}
