import Foundation
import TestSupport
import Testing

@testable import SandboxKit

/// docs/system-calls.md is made of the policies: with `CLOISTER_TEST_UPDATE=1`, as in `make docs`, this
/// writes it; else the page has to be what they say.
@Suite struct SystemCallsPageTests {
    private static let executors = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("executors")

    private static func document(_ name: String) throws -> SeccompDocument {
        try SeccompDocument(contentsOf: executors.appendingPathComponent(name))
    }

    @Test func `the page of system calls is what the policies say`() throws {
        let base = try Self.document("base.seccomp.json")
        let page = [
            Self.head, Self.allowed(base),
            Self.conditions("## Allowed with certain arguments", base.allowWhen),
            Self.refused(base), Self.answered(base),
            "## Languages\n\nBoth have these rules and no others; `executors/*/seccomp.json` may add to them.\n",
            Self.further(
                "## Snapshots and their forks", "snapshot.seccomp.json",
                try Self.document("snapshot.seccomp.json")),
            Self.further(
                "## Before any code of a function runs", "setup.seccomp.json",
                try Self.document("setup.seccomp.json")),
        ].joined(separator: "\n")
        let difference = try KeptPage("docs/system-calls.md").difference(from: page)
        #expect(difference == nil, "\(difference ?? "")")
    }

    @Test(arguments: ["python", "javascript"])
    func `a language adds nothing of its own, as the page says`(_ runtime: String) throws {
        let own = try Self.document("\(runtime)/seccomp.json")
        #expect(own.allow.isEmpty && own.allowWhen.isEmpty && (own.narrowWhen ?? []).isEmpty)
        #expect((own.refuse ?? []).isEmpty && (own.refuseWhen ?? []).isEmpty)
    }

    @Test(arguments: ["base", "snapshot", "setup"])
    func `every rule says why it is there`(_ name: String) throws {
        let document = try Self.document("\(name).seccomp.json")
        let whys: [String?] =
            document.allow.values.flatMap(\.values)
            + (document.allowWhen + (document.narrowWhen ?? []) + (document.refuseWhen ?? [])).map(
                \.why)
            + (document.refuse ?? []).map(\.why) + (document.answered ?? []).map(\.why)
        #expect(whys.count > 3)
        #expect(whys.allSatisfy { ($0 ?? "").count > 3 }, "\(whys)")
    }

    private static let head = """
        # System calls of a cell

        Every system call that code in a cell may make, and why; what is not here is denied with EPERM, and
        the first such call is told to the caller. A test makes this page of the policies in `executors` and
        fails when they differ (`make docs` writes it). [The threat model](threat-model.md#seccomp) says what
        this layer is worth.

        A call is here when a runtime or a package in common use fails without it. Of calls with operations
        or flags, those are here that something uses. Tests import all of both standard libraries in a cell
        and use what touches the kernel; other tests try what was taken away.

        """

    private static func list(_ names: [String]) -> String {
        names.map { "`\($0)`" }.joined(separator: ", ")
    }

    private static func table(_ head: String, _ rows: [[String]]) -> String {
        let columns = rows.first?.count ?? 0
        let lines = rows.map { "| " + $0.joined(separator: " | ") + " |" }
        return "| \(head) |\n|\(String(repeating: "---|", count: columns))\n"
            + lines.joined(separator: "\n") + "\n"
    }

    private static func allowed(_ document: SeccompDocument) -> String {
        let groups = document.allow.sorted { $0.key < $1.key }.map { group, calls in
            let rows = calls.sorted { $0.key < $1.key }.map {
                [list(SeccompDocument.names($0.key)), $0.value]
            }
            return "### \(group)\n\n" + table("calls | needed by, for", rows)
        }
        return "## Allowed\n\n" + groups.joined(separator: "\n")
    }

    private static func conditions(_ title: String, _ rules: [SeccompDocument.Rule]) -> String {
        title + "\n\n" + table("call | when | why", rules.map(row))
    }

    private static func row(_ rule: SeccompDocument.Rule) -> [String] {
        let call = rule.conditions.first?.call ?? ""
        let first = rule.conditions.compactMap(\.comparisons.first)
        let further = rule.conditions.first?.comparisons.dropFirst().map { text([$0]) } ?? []
        return ["`\(call)`", ([text(first)] + further).joined(separator: " and "), rule.why ?? ""]
    }

    /// Comparisons of one argument, which count from 0 in policies and from 1 in manual pages.
    private static func text(_ comparisons: [SeccompPolicy.Comparison]) -> String {
        guard let first = comparisons.first else { return "" }
        let values = comparisons.map { hex($0.value) }.joined(separator: " or ")
        let argument = "argument \(first.argument + 1)"
        switch first.relation {
        case .equals(.max): return "\(argument) is \(values)"
        case .equals(let mask) where comparisons.count == 1 && first.value == 0:
            return "\(argument) has no bit of \(hex(mask))"
        case .equals(let mask): return "\(argument), of it \(hex(mask)), is \(values)"
        case .differs: return "\(argument) is not \(values)"
        case .above: return "\(argument) is above \(values)"
        }
    }

    private static func hex(_ value: UInt64) -> String {
        value < 1000 ? "\(value)" : "0x" + String(value, radix: 16)
    }

    private static func refused(_ document: SeccompDocument) -> String {
        let rows =
            (document.refuse ?? []).map { [list($0.calls), meaning($0.errno), $0.why ?? ""] }
            + (document.refuseWhen ?? []).map { rule in
                let cells = row(rule)
                return [
                    "\(cells[0]), \(cells[1])", meaning(rule.conditions.first?.errno ?? ""),
                    cells[2],
                ]
            }
        return
            "## Refused without a report\n\nThese get an answer at once, and no note in the call's record.\n\n"
            + table("calls | answer | why", rows)
    }

    private static func meaning(_ errno: String) -> String {
        errno == "SUCCESS" ? "success, and nothing is done" : errno
    }

    private static func answered(_ document: SeccompDocument) -> String {
        "## Answered in the cell\n\nThe filter denies these, and the cell's own library answers them (`answers.c`).\n\n"
            + table("calls | answer", (document.answered ?? []).map { [list($0.calls), $0.why] })
    }

    private static func further(_ title: String, _ file: String, _ document: SeccompDocument)
        -> String
    {
        let calls = document.allow.values.flatMap { $0 }.sorted { $0.key < $1.key }.map {
            [list(SeccompDocument.names($0.key)), "always", $0.value]
        }
        let rows = calls + ((document.narrowWhen ?? []) + document.allowWhen).map(row)
        return "\(title)\n\nBesides, by `executors/\(file)`.\n\n"
            + table("calls | when | why", rows)
    }
}
