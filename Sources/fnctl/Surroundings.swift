import Foundation

/// What a command reads from the process that it runs in.
///
/// Commands take it from `Surroundings.current`, which a test replaces for its own task.
struct Surroundings: Sendable {
    @TaskLocal static var current = Surroundings(
        environment: ProcessInfo.processInfo.environment,
        readStandardInput: { Array(FileHandle.standardInput.readDataToEndOfFile()) })

    let environment: [String: String]
    /// Reads standard input to its end.
    let readStandardInput: @Sendable () -> [UInt8]
}
