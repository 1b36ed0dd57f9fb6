import Foundation

/// The real `fnctl`, in a process of its own.
public enum Fnctl {
    public struct Output: Sendable {
        public var status: Int32
        public var text: String
        public var errors: String
    }

    /// - Parameter arguments: what follows the program's name; the evaluator is in the environment.
    public static func run(_ arguments: String..., on evaluator: TestEvaluator) async throws
        -> Output
    {
        let process = Process()
        let (output, errors) = (Pipe(), Pipe())
        process.executableURL = URL(fileURLWithPath: "\(TestEvaluator.products)/fnctl")
        process.arguments = arguments
        process.environment = ["CLOISTER_ENDPOINT": evaluator.endpoint]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = errors
        return try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { process in
                // A screen fits into a pipe: it need not be read before the end.
                let read = { (pipe: Pipe) in
                    String(
                        decoding: (try? pipe.fileHandleForReading.readToEnd()) ?? Data(),
                        as: UTF8.self)
                }
                continuation.resume(
                    returning: Output(
                        status: process.terminationStatus, text: read(output), errors: read(errors))
                )
            }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
    }
}
