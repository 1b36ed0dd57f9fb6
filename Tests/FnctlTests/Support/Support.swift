import Foundation
import Synchronization
import Testing

@testable import fnctl

/// A folder that is gone when the body has run.
@discardableResult
func withTemporaryFolder<Result>(_ body: (URL) async throws -> Result) async throws -> Result {
    let folder = FileManager.default.temporaryDirectory
        .appending(path: "fnctl-tests-\(UUID().uuidString)", directoryHint: .isDirectory)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder)
}

extension URL {
    /// Writes a file below this folder, making the folders on the way.
    @discardableResult
    func write(_ path: String, _ text: String = "x") throws -> URL {
        let url = appending(path: path)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
        return url
    }

    var filePath: String { path(percentEncoded: false) }
}

/// What a Python program prints, given a file as its argument.
func python(_ program: String, _ arguments: String...) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["python3", "-c", program] + arguments
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return String(decoding: data, as: UTF8.self)
}

/// A console that remembers what was printed.
final class RecordedConsole: Sendable {
    private let texts = Mutex((output: "", errors: ""))

    var output: String { texts.withLock { $0.output } }
    var errors: String { texts.withLock { $0.errors } }

    func console(isTerminal: Bool = false, usesColour: Bool = false, open: Bool = true) -> Console {
        Console(
            isTerminal: isTerminal, usesColour: usesColour,
            output: { text in
                self.texts.withLock { $0.output += text }
                return open
            },
            errors: { text in
                self.texts.withLock { $0.errors += text }
                return open
            })
    }
}

typealias FnctlOutcome = (status: fnctl.ExitStatus, output: String, errors: String)

/// Runs fnctl in this process, with no other environment than the one given.
func fnctlRun(
    _ arguments: String..., isTerminal: Bool = false, usesColour: Bool = false
) async -> FnctlOutcome {
    await fnctlRun(arguments, isTerminal: isTerminal, usesColour: usesColour)
}

func fnctlRun(
    _ arguments: [String], isTerminal: Bool = false, usesColour: Bool = false,
    environment: [String: String] = [:], standardInput: String = "",
    recorded: RecordedConsole = RecordedConsole()
) async -> FnctlOutcome {
    let console = recorded.console(isTerminal: isTerminal, usesColour: usesColour)
    let surroundings = Surroundings(
        environment: environment, readStandardInput: { Array(standardInput.utf8) })
    let status = await Surroundings.$current.withValue(surroundings) {
        await Console.$current.withValue(console) { await Fnctl.run(arguments) }
    }
    return (status, recorded.output, recorded.errors)
}

func json(_ text: String) throws -> JSONValue { try JSONParser.parse(text) }

/// The message of the `Failure` or YAML error that `body` throws.
func messageThrown(by body: () throws -> Void) -> String? {
    do {
        try body()
        return nil
    } catch {
        return "\(error)"
    }
}

/// Returns once the condition holds; fails the test when that takes too long.
func eventually(
    _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () -> Bool
) async throws {
    let clock = ContinuousClock()
    let end = clock.now + .seconds(20)
    while !condition() {
        guard clock.now < end else {
            Issue.record(what, sourceLocation: sourceLocation)
            throw CancellationError()
        }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// True the first time it is taken.
final class Flag: Sendable {
    private let taken = Mutex(false)

    func takeOnce() -> Bool {
        taken.withLock { taken in
            defer { taken = true }
            return !taken
        }
    }
}
