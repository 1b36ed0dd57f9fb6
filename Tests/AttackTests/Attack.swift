import Foundation
import TestSupport
import Testing

/// One thing that hostile code tries, and what must come of it.
struct Attack: Sendable, CustomTestStringConvertible {
    /// How a call ends when nothing was broken.
    enum Safe: Sendable {
        /// It completes with exactly this JSON text.
        case answers(String)
        /// It fails with this cause and a message that has this text.
        case fails(String, String)
        indirect case either(Safe, Safe)
    }

    enum Blocked: Sendable {
        case nothing
        case first(String)
        /// Depends on the interpreter's version.
        case anything
    }

    var title: String
    /// Where it comes from: a CVE, a manual page, a sandbox that was known to be weak there.
    var idea: String
    var runtime: String
    var code: String
    var settings: [String: Int]
    var safe: Safe
    var blocked: Blocked
    /// What comes of it where `/readyz` says that this protection is not enforced in full.
    var weaker: (protection: String, safe: Safe)?

    var testDescription: String { "\(runtime): \(title) (\(idea))" }

    static func python(
        _ title: String, idea: String, _ body: String, _ safe: Safe, blocked: Blocked = .nothing,
        settings: [String: Int] = [:], weaker: (protection: String, safe: Safe)? = nil
    ) -> Attack {
        Attack(
            title: title, idea: idea, runtime: "python", code: pythonCode(body),
            settings: patient(settings), safe: safe, blocked: blocked, weaker: weaker)
    }

    /// Time enough on a busy machine, where the time limit is not what is tried.
    private static func patient(_ settings: [String: Int]) -> [String: Int] {
        settings.merging(["timeoutMs": 15_000]) { own, _ in own }
    }

    static func javascript(
        _ title: String, idea: String, _ body: String, _ safe: Safe, blocked: Blocked = .nothing,
        settings: [String: Int] = [:]
    ) -> Attack {
        let isWhole = body.contains("handler =")
        return Attack(
            title: title, idea: idea, runtime: "javascript",
            code: isWhole ? body : "exports.handler = async (event, context) => {\n\(body)\n};\n",
            settings: settings, safe: safe, blocked: blocked)
    }
}

/// The handler around a body, after `call(number, …)`, which makes any system call and answers its
/// result or its error's name, and `frame(type, stream, bytes)` of cloister_wire.h.
func pythonCode(_ body: String) -> String {
    let prelude = #"""
        import ctypes, errno, os, struct, sys, time
        libc = ctypes.CDLL(None, use_errno=True)
        libc.syscall.restype = ctypes.c_long
        def call(number, *arguments):
            values = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
            result = libc.syscall(ctypes.c_long(number), *values)
            return result if result != -1 else errno.errorcode[ctypes.get_errno()]
        def frame(kind, stream=0, body=b'', length=None, reserved=0):
            return struct.pack('<BBHI', ord(kind), stream, reserved, len(body) if length is None else length) + body

        """#
    if body.contains("def handler(") { return prelude + body + "\n" }
    let lines = body.split(separator: "\n", omittingEmptySubsequences: false)
    return prelude + "def handler(event, context):\n"
        + lines.map { "    \($0)\n" }.joined()
}

extension TestEvaluator {
    /// Runs an attack and records what is not as it must be.
    /// - Parameter function: the name that it is registered by already.
    func check(_ attack: Attack, as function: String? = nil) async throws {
        let attack = SnapshotOutcomes.adapt(attack)
        let answer: Answer
        if let function {
            answer = try await invoke(function)
        } else {
            answer = try await run(attack.runtime, attack.code, settings: attack.settings)
        }
        let text = String(answer.text.prefix(600))
        let record = try await record(answer)
        var safe = attack.safe
        if let weaker = attack.weaker, try await status(of: weaker.protection) != "enforced" {
            print("weaker without \(weaker.protection): \(attack.testDescription)")
            safe = weaker.safe
        }
        #expect(matches(safe, answer), "\(text)")
        #expect(record["state"]?.string == (answer.status == 200 ? "completed" : answer.state))
        switch attack.blocked {
        case .nothing: #expect(record["blocked"] == nil, "\(text)")
        case .first(let name): #expect(record["blocked"]?.string == name, "\(text)")
        case .anything: break
        }
        try await expectNormal(attack.runtime)
    }

    /// What `/readyz` says of a protection.
    private func status(of protection: String) async throws -> String? {
        let all = try await get("/readyz").json["protections"]?.array ?? []
        return all.first { $0["name"]?.string == protection }?["status"]?.string
    }

    private func matches(_ safe: Attack.Safe, _ answer: Answer) -> Bool {
        switch safe {
        case .answers(let json): answer.status == 200 && answer.text == json
        case .fails(let cause, let message):
            answer.cause == cause && (message.isEmpty || answer.detail.contains(message))
        case .either(let one, let other): matches(one, answer) || matches(other, answer)
        }
    }

    /// The next call of the runtime is like any other.
    func expectNormal(_ runtime: String) async throws {
        let name = try await normalFunctions.name(runtime, on: self)
        let next = try await invoke(name, "{\"a\":1}")
        #expect(next.text.filter { $0 != " " } == "[{\"a\":1},[]]", "afterwards: \(next.text)")
    }
}

/// One function for each runtime and evaluator, registered once.
private actor NormalFunctions {
    private var names: [String: String] = [:]

    func name(_ runtime: String, on evaluator: TestEvaluator) async throws -> String {
        let key = "\(evaluator.pid) \(runtime)"
        if let name = names[key] { return name }
        let code =
            runtime == "python"
            ? "import os\ndef handler(event, context): return [event, os.listdir('/tmp')]"
            : "exports.handler = async (event) => [event, require('fs').readdirSync('/tmp')]"
        let name = try await evaluator.register(nil, runtime, code)
        names[key] = name
        return name
    }
}

private let normalFunctions = NormalFunctions()

extension TestEvaluator.Answer {
    var cause: String? { try? json["cause"]?.string }
    var state: String? { try? json["state"]?.string }
    var detail: String { (try? json["detail"]?.string) ?? "" }
}

/// All attacks run one after the other: several take all the memory or processors they can get.
@Suite(.serialized) enum AttackTests {}
