import Foundation
import NIOHTTP1
import Testing

@testable import fnctl

@Suite struct ReportTests {
    private func answer(_ status: Int, _ body: String, state: String) throws -> CallAnswer {
        let headers: HTTPHeaders = [
            "Cloister-Call-Id": "01K", "Cloister-Call-State": state, "Cloister-Run-Ms": "1.5",
        ]
        return try #require(
            CallAnswer(HTTPAnswer(status: status, headers: headers, body: Array(body.utf8))))
    }

    private func failed(_ cause: String, _ message: String) throws -> CallAnswer {
        try answer(
            502,
            #"{"title":"t","detail":"E: \#(message)","state":"failed","cause":"\#(cause)","message":"\#(message)"}"#,
            state: "failed")
    }

    @Test func equalResultsPass() throws {
        let lines = CaseVerdict.judge(
            try answer(200, #"{"b":1.0,"a":2}"#, state: "completed"),
            against: .result(try json(#"{"a":2,"b":1}"#)))
        #expect(lines.isEmpty)
    }

    @Test func aDifferentResultIsShownAsADiff() throws {
        let lines = CaseVerdict.judge(
            try answer(200, #"{"words":4,"a":1}"#, state: "completed"),
            against: .result(try json(#"{"a":1,"words":3}"#)))
        #expect(
            lines == [
                "the result is not the expected one (- expected, + returned)",
                "  {", #"    "a": 1,"#, #"-   "words": 3"#, #"+   "words": 4"#, "  }",
            ])
    }

    @Test func causesAndMessagesAreCompared() throws {
        let expectation = TestCase.Expectation.failure(cause: "handler_error", message: "must be")
        #expect(
            CaseVerdict.judge(try failed("handler_error", "it must be so"), against: expectation)
                .isEmpty)
        #expect(
            CaseVerdict.judge(try failed("handler_error", "other"), against: expectation).contains(
                "+ other"))
        #expect(
            CaseVerdict.judge(try failed("crashed", "it must be"), against: expectation).first
                == "expected the cause handler_error, but the call failed (crashed): E: it must be")
        #expect(
            CaseVerdict.judge(try answer(200, "1", state: "completed"), against: expectation).first
                == "expected the cause handler_error, but the call completed:")
        #expect(
            CaseVerdict.judge(try failed("crashed", "boom"), against: .result(.null)).first
                == "expected a result, but the call failed (crashed): E: boom")
    }

    @Test func longStretchesOfEqualLinesAreLeftOut() {
        let old = (1...20).map(String.init)
        var new = old
        new[9] = "ten"
        #expect(
            LineDiff.lines(expected: old, actual: new) == [
                "  …", "  7", "  8", "  9", "- 10", "+ ten", "  11", "  12", "  13", "  …",
            ])
        #expect(
            LineDiff.lines(expected: ["a", "b", "c"], actual: ["b", "c", "d"]) == [
                "- a", "  b", "  c", "+ d",
            ])
        #expect(LineDiff.lines(expected: [], actual: ["a"]) == ["+ a"])
    }

    @Test func hugeTextsAreNotComparedLineByLine() {
        let old = (0..<5000).map { "old \($0)" }
        let new = (0..<5000).map { "new \($0)" }
        #expect(LineDiff.lines(expected: old, actual: new).count == 10_000)
    }

    @Test func junitIsXMLWhateverTheTexts() async throws {
        let nasty = "a<b> & \"c\" 'd' \u{1B}[31m \n é🙂 \u{0}"
        let results = [
            CaseResult(sample: nasty, name: nasty, failure: [nasty, "]]>"], ms: 1.5, callID: nil),
            CaseResult(sample: "other", name: "fine", failure: [], ms: nil, callID: "01K"),
        ]
        try await withTemporaryFolder { folder in
            let file = try folder.write("junit.xml", JUnitReport.xml(results))
            let text = try python(
                """
                import sys, xml.etree.ElementTree as tree
                root = tree.parse(sys.argv[1]).getroot()
                print(root.tag, root.attrib)
                for case in root.iter("testcase"):
                    print(ascii(case.get("name")), case.get("time"), [ascii(f.text) for f in case])
                """, file.filePath)
            let lines = text.split(separator: "\n")
            let nastyRead = #"'a<b> & "c" \'d\' \ufffd[31m \n \xe9\U0001f642 \ufffd'"#
            #expect(
                lines.first
                    == "testsuites {'tests': '2', 'failures': '1', 'errors': '0', 'time': '0.001500'}"
            )
            #expect(lines.dropFirst().first?.hasPrefix("\(nastyRead) 0.001500 [") == true)
            #expect(lines.last == "'fine' 0.000000 []")
        }
    }

    @Test func callsThatTimedOutHaveAStatusOfTheirOwn() throws {
        #expect(try answer(200, "1", state: "completed").exitStatus == .completed)
        #expect(try failed("crashed", "x").exitStatus == .failed)
        let timedOut = try answer(504, #"{"title":"t","state":"timed_out"}"#, state: "timed_out")
        #expect(timedOut.exitStatus.rawValue == 124)
    }

    @Test func temporaryNamesAreValidNames() throws {
        let pattern = /[A-Za-z0-9_-]{1,64}/
        for label in ["roman", "Python/Ünï cödé", String(repeating: "x/", count: 100), ""] {
            let name = SampleRunner.temporaryName(for: label)
            #expect(name.wholeMatch(of: pattern) != nil, "\(name)")
        }
    }
}
