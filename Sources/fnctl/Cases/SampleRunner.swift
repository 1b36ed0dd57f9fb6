import Foundation

/// Runs the cases of one sample against an evaluator.
///
/// The function gets a name of its own for the run. Limits belong to a version of a function,
/// so each set of limits among the cases becomes a version.
struct SampleRunner {
    private static let maxLogLines = 10

    let sample: Sample
    let client: EvaluatorClient
    let console: Console

    private struct Limits: Hashable {
        let timeoutMs: Int?
        let memoryMB: Int?
    }

    /// Calls `report` after each case.
    /// - Throws: `Failure` when the evaluator cannot be reached or a file cannot be read;
    ///   everything else is a case's failure.
    func run(report: (CaseResult) -> Void) async throws {
        let source = try FunctionSource(path: sample.folder.path(percentEncoded: false))
        let name = Self.temporaryName(for: sample.label)
        do {
            let registered = try await runCases(source, name, report)
            await delete(name, complains: registered)
        } catch {
            await delete(name, complains: false)
            throw error
        }
    }

    /// A valid name that no other run uses.
    static func temporaryName(for label: String) -> String {
        let slug = label.lowercased().map { character in
            character.isASCII && (character.isLetter || character.isNumber) ? character : "-"
        }
        let random = String(UInt32.random(in: 0 ... .max), radix: 16)
        return "fnctl-test-" + String(slug.suffix(32)) + "-" + random
    }

    /// True when at least one version was registered.
    private func runCases(
        _ source: FunctionSource, _ name: String, _ report: (CaseResult) -> Void
    ) async throws -> Bool {
        var versions: [Limits: Int] = [:]
        for testCase in sample.cases {
            try Task.checkCancellation()
            do {
                let limits = Limits(timeoutMs: testCase.timeoutMs, memoryMB: testCase.memoryMB)
                if versions[limits] == nil {
                    versions[limits] = try await register(source, limits, name)
                }
                report(try await run(testCase, name, version: versions[limits]))
            } catch let failure as Failure where failure.status == .failed {
                report(result(testCase, failure: [failure.description]))
            }
        }
        return !versions.isEmpty
    }

    private func register(_ source: FunctionSource, _ limits: Limits, _ name: String) async throws
        -> Int
    {
        let limited = source.limited(timeoutMs: limits.timeoutMs, memoryMB: limits.memoryMB)
        do {
            return try await client.register(name, limited.body).function.model.version
        } catch let failure as Failure where failure.status == .failed {
            throw Failure("the function could not be registered: \(failure)")
        }
    }

    private func run(_ testCase: TestCase, _ name: String, version: Int?) async throws -> CaseResult
    {
        let event = Array(testCase.event.compact.utf8)
        let answer = try await EvaluatorClient.patiently {
            try await client.invoke(name, version: version, event: event)
        }
        var failure = CaseVerdict.judge(answer, against: testCase.expectation)
        if !failure.isEmpty, let id = answer.callID {
            failure += await logTail(of: id)
            failure.append("call \(id)")
        }
        return result(testCase, failure: failure, ms: answer.runMs, callID: answer.callID)
    }

    private func logTail(of id: String) async -> [String] {
        guard let log = try? await client.logs(of: id).model, !log.lines.isEmpty else { return [] }
        let tail = log.lines.suffix(Self.maxLogLines).map { "  \(Printable.block($0.text))" }
        return [log.lines.count > tail.count ? "end of its log:" : "its log:"] + tail
    }

    private func result(
        _ testCase: TestCase, failure: [String], ms: Double? = nil, callID: String? = nil
    ) -> CaseResult {
        CaseResult(
            sample: sample.label, name: testCase.name, failure: failure, ms: ms, callID: callID)
    }

    private func delete(_ name: String, complains: Bool) async {
        // In a task of its own: this one may have been cancelled, and then no request is sent.
        let error = await Task { [client] in
            do {
                try await client.delete(name)
                return nil as (any Error)?
            } catch {
                return error
            }
        }.value
        if complains, let error {
            console.note("fnctl: the temporary function \(name) is still there: \(error)")
        }
    }
}
