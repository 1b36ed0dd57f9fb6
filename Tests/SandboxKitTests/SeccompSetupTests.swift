import Foundation
import Testing

@testable import SandboxKit

@Suite struct SeccompSetupTests {
    private static let executors = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("executors")

    private static func policy(_ runtime: String) throws -> SeccompPolicy {
        try SeccompPolicy(contentsOf: executors.appendingPathComponent("\(runtime)/seccomp.json"))
    }

    private static func setup() throws -> SeccompSetup {
        try SeccompSetup(contentsOf: executors.appendingPathComponent("setup.seccomp.json"))
    }

    /// Arguments that tell conditions apart: what they compare with, and a bit more or less.
    private static func interesting(_ policy: SeccompPolicy, _ setup: SeccompSetup) -> [[UInt64]] {
        var values: Set<UInt64> = [0, 1, 2, 3, 15, 38, 0x4111, 0x1_0011, 0x1_0000_0000, .max]
        for comparison in (policy.conditions + policy.refusedConditions + setup.conditions)
            .flatMap(\.comparisons)
        {
            values.formUnion([
                comparison.value, comparison.value | 0x4000, comparison.value | 1 << 32,
                comparison.value &+ 1, comparison.value ^ 0x1_0000,
            ])
        }
        let sorted = values.sorted()
        return sorted.map { [$0, 1, 2, 0, 0, 0] } + sorted.map { [1, $0, 3, 0, 0, 0] }
            + sorted.map { [1, 1, $0, 5, 0, 0] } + sorted.map { [1, 0, 7, $0, 0, 0] }
            + sorted.map { [1, 0, $0, 0, 0, 0] } + sorted.map { [0, $0, 0, 0, 0, 0] }
            + sorted.map { [0, 4, $0, 0, $0, 0] } + sorted.map { [0, 0, 0, 0, 1, $0] }
    }

    @Test(arguments: ["python", "javascript"])
    func `both filters of a cell together answer as its policy does`(_ runtime: String) throws {
        let policy = try Self.policy(runtime)
        let setup = try Self.setup()
        let whole = FilterProgram(try policy.compile())
        let inherited = FilterProgram(try policy.compile(with: setup))
        let closing = FilterProgram(try policy.closing(setup))
        var differences: [String] = []
        var denied = 0
        for number in Array(UInt32(0)..<520) + [1024, 0x4000_0000, 0x4000_0001, .max] {
            for arguments in Self.interesting(policy, setup) {
                let wanted = whole.answer(number, arguments)
                let answer = stricter(
                    inherited.answer(number, arguments), closing.answer(number, arguments))
                if wanted != FilterProgram.allow { denied += 1 }
                if wanted != answer, differences.count < 10 {
                    differences.append("\(number) \(arguments): \(answer), not \(wanted)")
                }
            }
        }
        #expect(differences == [])
        #expect(denied > 10000)
        for arch: UInt32 in [0x4000_0003, 0xC000_00B7] {
            #expect(closing.answer(0, [0, 0, 0, 0, 0, 0], arch: arch) == FilterProgram.killProcess)
            #expect(whole.answer(0, [0, 0, 0, 0, 0, 0], arch: arch) == FilterProgram.killProcess)
        }
    }

    @Test func `what a cell takes on at last is small`() throws {
        let policy = try Self.policy("python")
        let closing = try policy.closing(try Self.setup())
        #expect(closing.count * 4 < (try policy.compile()).count)
    }

    @Test func `a policy that allows some of the setup is refused`() throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("cloister-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("seccomp.json")
        for (calls, when) in [
            (#"{"read mount": "both"}"#, "[]"), (#"{"prctl": "all of it"}"#, "[]"),
            ("{}", #"[{"call": "mount", "argument": 0, "equals": "0"}]"#),
        ] {
            let text =
                #"{"allow": {"files": \#(calls)}, "allowWhen": \#(when), "refuseWhen": [], "refuse": []}"#
            try Data(text.utf8).write(to: file)
            let policy = try SeccompPolicy(contentsOf: file)
            let setup = try Self.setup()
            #expect(throws: SandboxError.self) { try policy.compile(with: setup) }
        }
    }

    /// The answer that the kernel takes of two filters (seccomp(2)): the first in this order.
    private func stricter(_ one: UInt32, _ other: UInt32) -> UInt32 {
        let order: [UInt32] = [FilterProgram.killProcess, FilterProgram.trap, 0x0005_0000]
        for action in order {
            if let found = [one, other].first(where: { $0 & 0xffff_0000 == action }) {
                return found
            }
        }
        return one
    }
}
