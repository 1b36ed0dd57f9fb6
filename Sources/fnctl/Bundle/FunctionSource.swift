import Foundation

/// A function's code and settings, read from a path and ready to be registered.
struct FunctionSource: Sendable {
    enum Content: Sendable {
        case code(String)
        case zip([UInt8])
    }

    let content: Content
    let settings: FunctionSettings

    /// Reads a source file, a folder or a zip.
    /// - Parameter overrides: settings that go before those found at the path.
    ///   A secret that `function.yaml` names has the environment's value, where there is one.
    init(path: String, overrides: FunctionSettings = FunctionSettings()) throws {
        let url = URL(filePath: path)
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw Failure.usage("there is no file or folder \(path)")
        }
        if isFolder.boolValue {
            try self.init(folder: url, overrides: overrides)
        } else {
            try self.init(file: url, overrides: overrides)
        }
    }

    private init(folder: URL, overrides: FunctionSettings) throws {
        var manifest = try FunctionManifest.read(in: folder)
        for name in manifest.secretEnv.keys {
            guard let value = Surroundings.current.environment[name] else { continue }
            manifest.secretEnv[name] = .given(value)
        }
        var settings = overrides.filled(from: manifest)
        let bundle = try BundleFolder(folder)
        if settings.runtime == nil {
            let handlerFile = (settings.handler ?? "index.handler").prefix { $0 != "." }
            settings.runtime = try Self.runtime(
                ofHandlerFile: String(handlerFile), in: bundle.files.map(\.path))
        }
        content = .zip(try bundle.zip())
        self.settings = settings
    }

    private init(file: URL, overrides: FunctionSettings) throws {
        var settings = overrides
        let path = file.path(percentEncoded: false)
        if file.pathExtension.lowercased() == "zip" {
            guard settings.runtime != nil else {
                throw Failure.usage(
                    "say which runtime \(path) is for: --runtime python or --runtime javascript")
            }
            content = .zip(try readFile(file))
        } else {
            guard let runtime = settings.runtime ?? Self.runtime(ofExtension: file.pathExtension)
            else {
                throw Failure.usage(
                    "cannot tell the runtime of \(path) from its name: expected .py, .js, .mjs, .cjs, "
                        + ".zip or a folder; or give --runtime")
            }
            settings.runtime = runtime
            content = .code(try readText(file))
        }
        self.settings = settings
    }

    static func runtime(ofExtension name: String) -> String? {
        switch name.lowercased() {
        case "py": "python"
        case "js", "mjs", "cjs": "javascript"
        default: nil
        }
    }

    /// The runtime of the file that has the handler, when there is just one such file.
    static func runtime(ofHandlerFile name: String, in paths: [String]) throws -> String {
        let found = Set(
            ["py", "js", "mjs", "cjs"].filter { paths.contains("\(name).\($0)") }
                .compactMap(runtime(ofExtension:)))
        guard let runtime = found.first else {
            throw Failure.usage(
                "the folder has no \(name).py, \(name).js, \(name).mjs or \(name).cjs for the handler; "
                    + "name another with --handler, or in function.yaml")
        }
        guard found.count == 1 else {
            throw Failure.usage(
                "the folder has handlers of two runtimes (\(name).py and \(name).js); choose with "
                    + "--runtime, or in function.yaml")
        }
        return runtime
    }

    /// The body of the request that registers the function.
    var body: JSONValue {
        var fields: [(String, JSONValue?)] = [
            ("runtime", settings.runtime.map(JSONValue.string)),
            ("handler", settings.handler.map(JSONValue.string)),
            ("timeoutMs", settings.timeoutMs.map(JSONValue.int)),
            ("memoryMB", settings.memoryMB.map(JSONValue.int)),
            ("tmpMB", settings.tmpMB.map(JSONValue.int)),
            ("concurrency", settings.concurrency.map(JSONValue.int)),
            ("async", settings.async?.json),
            ("isolation", settings.isolation.map(JSONValue.string)),
            ("description", settings.description.map(JSONValue.string)),
            ("env", Self.object(settings.env, JSONValue.string)),
            ("secretEnv", Self.object(settings.secretEnv, \.json)),
        ]
        switch content {
        case .code(let text): fields.append(("code", .string(text)))
        case .zip(let bytes): fields.append(("zip", .string(Data(bytes).base64EncodedString())))
        }
        return .object(fields: fields)
    }

    /// Variables in the order of their names; nil when there are none.
    private static func object<Value>(
        _ variables: [String: Value], _ json: (Value) -> JSONValue
    ) -> JSONValue? {
        if variables.isEmpty { return nil }
        let members = variables.sorted { $0.key < $1.key }
        return .object(members.map { JSONValue.Member(key: $0.key, value: json($0.value)) })
    }

    /// The same function with other limits, for calls that are waited for. How asynchronous
    /// calls are treated is left out, so that nobody is told of a test's calls.
    func limited(timeoutMs: Int?, memoryMB: Int?) -> FunctionSource {
        let limits = FunctionSettings(timeoutMs: timeoutMs, memoryMB: memoryMB)
        var settings = limits.filled(from: settings)
        settings.async = nil
        return FunctionSource(content: content, settings: settings)
    }

    /// The same function with the secret that its webhooks are signed with.
    func signing(with secret: String) throws(Failure) -> FunctionSource {
        guard let async = settings.async, async.hasWebhook else {
            throw .usage(
                "--webhook-secret is for a function with async.onSuccess or async.onFailure in "
                    + "its \(FunctionManifest.fileName), and there is neither; leave it out")
        }
        var settings = settings
        settings.async?.webhookSecret = secret
        return FunctionSource(content: content, settings: settings)
    }

    private init(content: Content, settings: FunctionSettings) {
        self.content = content
        self.settings = settings
    }
}
