import ArgumentParser
import Foundation

struct TestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Run the cases in cases.yaml against their functions.",
        discussion: """
            Each PATH is a function's folder with a cases.yaml, or a folder of such folders. A \
            function is registered under a temporary name, which is deleted afterwards. A case \
            has a name and an event, and either expect (the result) or cause (why the call must \
            fail), with which message says what must be in the message; timeoutMs and memoryMB \
            set its limits.
            """)

    @Argument(help: "Folders with a cases.yaml, at any depth.", completion: .directory)
    var paths: [String]

    @Option(help: ArgumentHelp("Also write the results as JUnit XML.", valueName: "file"))
    var junit: String?

    @Option(help: ArgumentHelp("Only cases with this text in sample/name.", valueName: "text"))
    var filter: String?

    @OptionGroup var options: GlobalOptions

    func run() async throws {
        let samples = try Sample.find(paths).compactMap { $0.filtered(by: filter) }
        guard !samples.isEmpty else {
            let reason = filter.map { "no case matches \"\($0)\"" } ?? "there are no cases"
            throw Failure.usage("\(reason) in \(paths.joined(separator: ", "))")
        }
        let options = options
        let console = Console.current
        let results = try await cancelledByInterrupt {
            try await options.withClient { client in
                var results: [CaseResult] = []
                for sample in samples {
                    let runner = SampleRunner(sample: sample, client: client, console: console)
                    try await runner.run { result in
                        results.append(result)
                        if options.output == .table { result.print(to: console) }
                    }
                }
                return results
            }
        }
        if let junit { try write(JUnitReport.xml(results), to: junit) }

        let failed = results.count { !$0.passed }
        switch options.output {
        case .json: console.print(json: Self.document(results))
        case .table: console.print("\(results.count - failed) passed, \(failed) failed")
        }
        if failed > 0 { throw Failure(nil, status: .failed) }
    }

    private func write(_ text: String, to path: String) throws(Failure) {
        do {
            try Data(text.utf8).write(to: URL(filePath: path))
        } catch {
            throw .usage("cannot write \(path): \(error.localizedDescription)")
        }
    }

    static func document(_ results: [CaseResult]) -> JSONValue {
        let failed = results.count { !$0.passed }
        return .object(fields: [
            ("passed", .int(results.count - failed)),
            ("failed", .int(failed)),
            (
                "cases",
                .array(
                    results.map { result in
                        .object(fields: [
                            ("sample", .string(result.sample)), ("name", .string(result.name)),
                            ("passed", .bool(result.passed)),
                            ("ms", result.ms.map(JSONValue.double)),
                            ("callId", result.callID.map(JSONValue.string)),
                            (
                                "failure",
                                result.passed ? nil : .array(result.failure.map(JSONValue.string))
                            ),
                        ])
                    })
            ),
        ])
    }
}
