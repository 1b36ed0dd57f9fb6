import Foundation
import Testing

@testable import fnctl

@Suite struct CasesFileTests {
    private func parse(_ text: String) throws -> [TestCase] {
        try CasesFile.parse(text, file: "cases.yaml")
    }

    @Test func aResultAndAFailureAreExpected() throws {
        let cases = try parse(
            """
            cases:
              - name: counts words
                event: {text: "a b a"}
                expect: {words: 3}
              - name: refuses a number
                event: {text: 3}
                cause: handler_error
                message: "text must be"
                timeoutMs: 1000
                memoryMB: 64
            """)
        #expect(
            cases == [
                TestCase(
                    name: "counts words", event: try json(#"{"text":"a b a"}"#),
                    expectation: .result(try json(#"{"words":3}"#))),
                TestCase(
                    name: "refuses a number", event: try json(#"{"text":3}"#),
                    expectation: .failure(cause: "handler_error", message: "text must be"),
                    timeoutMs: 1000, memoryMB: 64),
            ])
    }

    @Test func anExpectedNullIsAnExpectation() throws {
        #expect(try parse("cases: [{name: x, expect: null}]").first?.expectation == .result(.null))
        #expect(
            try parse("cases:\n  - name: x\n    expect:\n").first?.expectation == .result(.null))
    }

    @Test(arguments: [
        ("no", #""no""#), ("yes", #""yes""#), ("12:30", #""12:30""#),
        ("2026-01-05", #""2026-01-05""#),
        ("true", "true"), ("~", "null"), ("0x1F", "31"), ("+1", "1"), ("007", "7"), (".5", "0.5"),
        ("-1.", "-1.0"),
        ("1e3", "1e3"), ("\"3\"", #""3""#), ("!!str 3", #""3""#), ("1_000", #""1_000""#),
        ("'a'", #""a""#),
        ("[a, {b: 1}]", #"["a",{"b":1}]"#), ("{1: x}", #"{"1":"x"}"#),
    ])
    func wordsAreReadByTheCoreSchema(yaml: String, expected: String) throws {
        #expect(try YAMLNode.parse(yaml, file: "f")?.json.compact == expected)
    }

    @Test(arguments: [
        (
            "cases:\n  - name: x\n    expct: 1\n",
            "line 3: unknown key \"expct\"; a case may have name, event"
        ),
        ("case: []\n", "line 1: unknown key \"case\""),
        ("cases:\n  - name: x\n", "line 2: the case \"x\" expects nothing"),
        ("cases:\n  - name: x\n    expect: 1\n    cause: crashed\n", "has both expect and cause"),
        ("cases:\n  - name: x\n    expect: 1\n    message: m\n", "only goes with a cause"),
        ("cases:\n  - expect: 1\n", "line 2: the case has no name"),
        (
            "cases:\n  - {name: x, expect: 1}\n  - {name: x, expect: 1}\n",
            "line 3: a second case named \"x\""
        ),
        (
            "cases:\n  - name: x\n    expect: 1\n    timeoutMs: soon\n",
            "line 4: timeoutMs must be a whole number"
        ),
        ("cases:\n  - name: x\n    cause: 3\n", "line 3: cause must be text"),
        ("cases: {a: 1}\n", "cases must be a list"),
        ("cases: []\n", "there are no cases"),
        ("- 1\n", "must have keys"),
        ("", "the file is empty"),
        ("cases:\n  - name: x\n    name: y\n", "line 2: the key \"name\" is given twice"),
        ("cases: [\n", "this is not YAML"),
        ("cases:\n  - name: x\n    expect: !secret y\n", "line 3: \"y\" has the tag !secret"),
    ])
    func aMistakeIsNamedWithItsLine(text: String, expected: String) {
        let message = messageThrown { _ = try parse(text) }
        #expect(message?.hasPrefix("cases.yaml, line ") == true)
        #expect(message?.contains(expected) == true, "\(message ?? "nothing thrown")")
    }

    @Test func samplesAreFoundBelowAFolder() async throws {
        try await withTemporaryFolder { folder in
            let text = "cases: [{name: One, expect: 1}, {name: two, expect: 2}]\n"
            for path in ["py/b", "py/a", "js/c", "js/c/inner", "node_modules/x", ".hidden/y"] {
                try folder.write("\(path)/cases.yaml", text)
            }
            #expect(try Sample.find([folder.filePath]).map(\.label) == ["js/c", "py/a", "py/b"])
            let one = try Sample.find([folder.filePath + "py/a", folder.filePath + "py"])
            #expect(one.map(\.label) == ["a", "b"])
            #expect(one.first?.filtered(by: "A/ONE")?.cases.map(\.name) == ["One"])
            #expect(one.first?.filtered(by: "three") == nil)
            #expect(throws: Failure.self) { try Sample.find([folder.filePath + "nothing"]) }
        }
    }
}
