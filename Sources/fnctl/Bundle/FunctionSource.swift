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
        var settings = overrides.filled(from: try FunctionManifest.read(in: folder))
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
            ("description", settings.description.map(JSONValue.string)),
        ]
        if !settings.env.isEmpty {
            let members = settings.env.sorted { $0.key < $1.key }
            fields.append(
                (
                    "env",
                    .object(members.map { JSONValue.Member(key: $0.key, value: .string($0.value)) })
                ))
        }
        switch content {
        case .code(let text): fields.append(("code", .string(text)))
        case .zip(let bytes): fields.append(("zip", .string(Data(bytes).base64EncodedString())))
        }
        return .object(fields: fields)
    }

    /// The same function with other limits.
    func limited(timeoutMs: Int?, memoryMB: Int?) -> FunctionSource {
        let limits = FunctionSettings(timeoutMs: timeoutMs, memoryMB: memoryMB)
        return FunctionSource(content: content, settings: limits.filled(from: settings))
    }

    private init(content: Content, settings: FunctionSettings) {
        self.content = content
        self.settings = settings
    }
}
