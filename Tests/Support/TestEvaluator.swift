import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Synchronization

/// A real evaluator in a process of its own, with a data folder of its own, on a free port.
///
/// It ends with the test run, however that ends: it hangs on a pipe from this process.
public final class TestEvaluator: Sendable {
    public let endpoint: String
    public let pid: pid_t
    public let dataFolder: String
    private let folder: String
    private let wrapper: Mutex<Process>
    private let lifeline: Pipe
    private let names = Mutex(0)

    /// The folder with the built products: beside the test bundle, unless
    /// `CLOISTER_TEST_PRODUCTS` names another.
    public static let products =
        ProcessInfo.processInfo.environment["CLOISTER_TEST_PRODUCTS"]
        ?? URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path

    public struct Failure: Error, CustomStringConvertible {
        public var description: String

        public init(description: String) { self.description = description }
    }

    /// - Parameters:
    ///   - options: further flags, for example `["--slots", "2"]`.
    ///   - dataFolder: one to keep; by default a new one that goes with the evaluator.
    ///   - wrapper: a command that executes what follows it.
    public init(
        _ options: [String] = [], dataFolder: String? = nil, wrapper prefix: [String] = []
    ) async throws {
        folder =
            FileManager.default.temporaryDirectory.appendingPathComponent(
                "cloister-test-\(UUID().uuidString)"
            ).path
        self.dataFolder = dataFolder ?? "\(folder)/data"
        for path in [folder, self.dataFolder] {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        let command = try TestUser.command(for: [folder, self.dataFolder])
        // The shell outlives the evaluator's start and ends it when the pipe closes.
        process.arguments =
            [
                "-c",
                #"exec 3<&0; "$0" "$@" >out 2>err </dev/null 3<&- & echo $! >pid; cat <&3 >/dev/null; "#
                    + #"kill $! 2>/dev/null; wait"#,
            ] + prefix + command + ["--port", "0", "--data-dir", self.dataFolder] + options
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        // What the tests themselves are told is unknown to an evaluator, which says so and ends.
        process.environment = ProcessInfo.processInfo.environment.filter {
            !$0.key.hasPrefix("CLOISTER_")
        }
        process.standardInput = pipe
        try process.run()
        lifeline = pipe
        wrapper = Mutex(process)
        var line = ""
        for _ in 0..<Int(600 * timeFactor) {
            line = (try? String(contentsOfFile: "\(folder)/out", encoding: .utf8)) ?? ""
            if line.hasSuffix("\n") { break }
            if !process.isRunning { break }
            let complaint = (try? String(contentsOfFile: "\(folder)/err", encoding: .utf8)) ?? ""
            if complaint.hasPrefix("evaluator: ") { break }
            try await Task.sleep(for: .milliseconds(50))
        }
        guard line.hasPrefix("listening on "),
            let number = try? String(contentsOfFile: "\(folder)/pid", encoding: .utf8),
            let pid = pid_t(number.trimmingCharacters(in: .whitespacesAndNewlines))
        else {
            let complaint = (try? String(contentsOfFile: "\(folder)/err", encoding: .utf8)) ?? ""
            throw Failure(description: "the evaluator did not start: \(line) \(complaint)")
        }
        endpoint = String(line.dropFirst("listening on ".count)).trimmingCharacters(
            in: .whitespacesAndNewlines)
        self.pid = pid
    }

    /// Waits until every template can serve.
    public func waitUntilReady(seconds: Double = 30) async throws {
        let end = ContinuousClock.now + .seconds(seconds * timeFactor)
        while ContinuousClock.now < end {
            if let answer = try? await get("/readyz"), answer.status == 200 { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw Failure(
            description:
                "not ready: \(String(decoding: try await get("/readyz").body, as: UTF8.self)) \(errorOutput)"
        )
    }

    /// Starts one that is ready, hands it on, and ends it.
    public static func with<Result>(
        _ options: [String] = [], dataFolder: String? = nil,
        _ body: (TestEvaluator) async throws -> Result
    ) async throws -> Result {
        let evaluator = try await TestEvaluator(options, dataFolder: dataFolder)
        do {
            try await evaluator.waitUntilReady()
            let result = try await body(evaluator)
            try await evaluator.stop()
            return result
        } catch {
            try? await evaluator.stop()
            throw error
        }
    }

    public var errorOutput: String {
        (try? String(contentsOfFile: "\(folder)/err", encoding: .utf8)) ?? ""
    }

    /// Ends it as an administrator would, and waits.
    public func stop() async throws {
        kill(pid, SIGTERM)
        try await waitForEnd()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Removes what `stop` would; for an evaluator that was killed.
    public func removeFolder() { try? FileManager.default.removeItem(atPath: folder) }

    public func waitForEnd() async throws {
        for _ in 0..<Int(1000 * timeFactor) where kill(pid, 0) == 0 {
            try await Task.sleep(for: .milliseconds(20))
        }
        try? lifeline.fileHandleForWriting.close()
        for _ in 0..<Int(500 * timeFactor) where wrapper.withLock({ $0.isRunning }) {
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// A function name that no other test has.
    public func newName(_ prefix: String = "f") -> String {
        "\(prefix)-\(names.withLock { $0 += 1; return $0 })"
    }
}

extension TestEvaluator {
    public struct Answer: Sendable {
        public var status: Int
        public var headers: [String: String]
        public var body: Data
        public var json: JSON { get throws { try JSON(body) } }
        public var text: String { String(decoding: body, as: UTF8.self) }
        public var callID: String { headers["cloister-call-id"] ?? "" }
    }

    public func send(
        _ method: String, _ path: String, body: Data? = nil, headers: [(String, String)] = [],
        seconds: Int64 = 60
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: endpoint + path)
        request.method = .init(rawValue: method)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
        let response = try await HTTPClient.shared.execute(
            request, timeout: .seconds(seconds * Int64(timeFactor)))
        let bytes = try await response.body.collect(upTo: 128 << 20)
        var fields: [String: String] = [:]
        for (name, value) in response.headers { fields[name.lowercased()] = value }
        return Answer(
            status: Int(response.status.code), headers: fields, body: Data(bytes.readableBytesView))
    }

    public func get(_ path: String) async throws -> Answer { try await send("GET", path) }

    /// Registers a function with all its fields, or fails.
    public func put(_ name: String, _ fields: [String: Any]) async throws {
        let answer = try await send(
            "PUT", "/v1/functions/\(name)",
            body: JSONSerialization.data(withJSONObject: fields))
        guard answer.status == 201 || answer.status == 200 else {
            throw Failure(description: "PUT \(name): \(answer.status) \(answer.text)")
        }
    }

    /// Submits an asynchronous call.
    public func submit(
        _ name: String, _ event: String = "{}", headers: [(String, String)] = []
    ) async throws -> Answer {
        try await send(
            "POST", "/v1/functions/\(name)/invoke", body: Data(event.utf8),
            headers: [("Prefer", "respond-async")] + headers)
    }

    /// The record of a call once it is over.
    public func ended(_ id: String) async throws -> JSON {
        try await get("/v1/calls/\(id)?wait=50s").json
    }

    /// What functions of tests that do not say have: `CLOISTER_TEST_ISOLATION`, else `call`.
    public static let defaultIsolation =
        ProcessInfo.processInfo.environment["CLOISTER_TEST_ISOLATION"] ?? "call"

    /// Registers a source text, or fails.
    @discardableResult
    public func register(
        _ name: String? = nil, _ runtime: String, _ code: String, handler: String = "index.handler",
        settings: [String: Int] = [:],
        environment: [String: String] = [:],
        isolation: String = TestEvaluator.defaultIsolation
    ) async throws -> String {
        let name = name ?? newName()
        var body: [String: Any] = settings
        body["isolation"] = isolation
        body["runtime"] = runtime
        body["code"] = code
        body["handler"] = handler
        if timeFactor > 1 {
            body["timeoutMs"] = Int(Double(settings["timeoutMs"] ?? 3000) * timeFactor)
        }
        if !environment.isEmpty { body["env"] = environment }
        let answer = try await send(
            "PUT", "/v1/functions/\(name)", body: JSONSerialization.data(withJSONObject: body))
        guard answer.status == 201 || answer.status == 200 else {
            throw Failure(description: "PUT \(name): \(answer.status) \(answer.text)")
        }
        return name
    }

    public func invoke(_ name: String, _ event: String = "{}", seconds: Int64 = 60) async throws
        -> Answer
    {
        try await send(
            "POST", "/v1/functions/\(name)/invoke", body: Data(event.utf8), seconds: seconds)
    }

    /// Registers a source text and calls it once.
    public func run(
        _ runtime: String, _ code: String, event: String = "{}", settings: [String: Int] = [:],
        environment: [String: String] = [:]
    ) async throws -> Answer {
        try await invoke(
            register(nil, runtime, code, settings: settings, environment: environment), event)
    }

    /// The call's record, complete: a busy machine can take a while to take down a cell that has answered.
    public func record(_ answer: Answer) async throws -> JSON {
        try await get("/v1/calls/\(answer.callID)?wait=20s").json
    }

    /// What the call printed, a line an element, with the stream before it: `stdout: hello`.
    public func log(_ answer: Answer) async throws -> [String] {
        let lines = try await get("/v1/calls/\(answer.callID)/logs").json["lines"]?.array ?? []
        return lines.map { "\($0["stream"]?.string ?? "?"): \($0["text"]?.string ?? "?")" }
    }
}
