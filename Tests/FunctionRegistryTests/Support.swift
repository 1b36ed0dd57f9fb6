import Foundation
import FunctionRegistry

/// A folder that goes when the test does.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path =
            FileManager.default.temporaryDirectory
            .appendingPathComponent("registry-tests-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Every path below the folder, sorted.
    func tree(_ below: String = "") -> [String] {
        let names =
            FileManager.default.enumerator(atPath: path + "/" + below)?.allObjects as? [String]
        return (names ?? []).sorted()
    }
}

/// Builds a zip archive by running `body` of a Python program, in which `z` is an open
/// `zipfile.ZipFile` and `add(name, data, mode)` adds an entry with that stat(2) mode.
func pythonZip(_ body: String) throws -> [UInt8] {
    let program = """
        import io, sys, zipfile, warnings
        warnings.simplefilter("ignore")
        out = io.BytesIO()
        z = zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED)
        def add(name, data=b"x", mode=0o100644):
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.create_system = 3
            info.compress_type = zipfile.ZIP_DEFLATED
            z.writestr(info, data)
        \(body)
        z.close()
        sys.stdout.buffer.write(out.getvalue())
        """
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", program]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw TestFailure(message: "python3 failed") }
    return Array(bytes)
}

struct TestFailure: Error { var message: String }

/// The registry's error that `body` throws, or `nil`.
func registryError(_ body: () async throws -> Void) async -> RegistryError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? RegistryError
    }
}

extension FunctionSpec {
    static let python = FunctionSpec(runtime: .python)
}

let handlerSource = "def handler(event, context):\n    return event\n"

/// A record of a call that waits, for functions that no registry knows.
func queuedRecord(
    _ id: String, function: String = "hello", at timeMs: Int64 = 1_700_000_000_000
) -> CallRecord {
    let version = FunctionVersion(
        name: function, version: 1, spec: .python, codeSha256: String(repeating: "0", count: 64),
        codeBytes: 0, createdAtMs: 0)
    return CallRecord(id: id, function: version, bytesIn: 2, queuedAtMs: timeMs)
}

extension CallRecorder {
    /// Records a call that ran and completed.
    func recordCompleted(_ id: String, function: String = "hello", log: [CallLogLine] = []) throws {
        try recordQueued(queuedRecord(id, function: function))
        recordStarted(id: id, startedAtMs: 1_700_000_000_001, template: "python-1")
        recordEnded(id: id, log: log) { record in
            record.state = .completed
            record.endedAtMs = 1_700_000_000_002
            record.cpuMs = 1.5
            record.logBytes = log.reduce(0) { $0 + $1.text.utf8.count }
            record.logTruncated = false
        }
    }
}

/// Runs SQL on a registry's database through Python's own SQLite; one text a row.
func sqlite(_ directory: String, _ sql: String) throws -> [String] {
    let program = """
        import sqlite3, sys
        db = sqlite3.connect(sys.argv[1] + "/registry.sqlite", timeout=10)
        for row in db.execute(sys.argv[2]): print(*row)
        db.commit()
        """
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", program, directory, sql]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
        throw TestFailure(message: "sqlite failed: \(sql)")
    }
    return text.split(separator: "\n").map(String.init)
}
