import Foundation
import Testing

@testable import fnctl

@Suite struct TerminalTests {
    @Test func columnsAreAlignedAndLinesEndWithoutSpaces() {
        var table = Table([("name", .left), ("size", .right), ("note", .left)])
        table.add(["a", "1 B", ""])
        table.add(["longer", "1024 B", "日本"])
        table.add(["日本", "", "x"])
        #expect(
            table.lines(RecordedConsole().console()) == [
                "NAME      SIZE  NOTE",
                "a          1 B",
                "longer  1024 B  日本",
                "日本            x",
            ])
    }

    @Test func colourDoesNotMoveColumns() {
        var table = Table([("state", .left), ("id", .left)])
        table.add([.init("ok", .green), "1"])
        #expect(
            table.lines(RecordedConsole().console(usesColour: true)) == [
                "\u{1B}[2mSTATE\u{1B}[0m  \u{1B}[2mID\u{1B}[0m", "\u{1B}[32mok\u{1B}[0m     1",
            ])
    }

    @Test func pairsWithoutAValueAreLeftOut() {
        let table = Table(pairs: [("name", "x"), ("cause", nil), ("description", "two\nlines")])
        #expect(
            table.lines(RecordedConsole().console()) == [
                "name         x", "description  two lines",
            ])
    }

    @Test func escapeSequencesDoNotReachTheTerminal() {
        #expect(Printable.block("a\u{1B}[31mb\n\tc\u{9B}") == "a\\u{1b}[31mb\n\tc\\u{9b}")
        #expect(Printable.line("a\r\nb\tc\u{7}") == "a b c\\u{7}")
    }

    @Test(arguments: [
        (0.004, "0 ms"), (0.43, "0.43 ms"), (1.94, "1.9 ms"), (99.94, "99.9 ms"), (123.4, "123 ms"),
        (1000, "1 s"),
        (3250, "3.2 s"), (60_000, "1 min"), (125_000, "2 min 5 s"), (900_000, "15 min"),
    ])
    func durationsAreShort(ms: Double, expected: String) {
        #expect(Format.duration(ms: ms) == expected)
    }

    @Test(arguments: [
        (0, "0 B"), (112, "112 B"), (1024, "1 KB"), (1536, "1.5 KB"), (134_217_728, "128 MB"),
        (3 << 30, "3 GB"),
    ])
    func sizesAreShort(bytes: Int, expected: String) {
        #expect(Format.size(bytes: bytes) == expected)
    }

    @Test(arguments: [
        ("2026-01-31T09:15:02.123Z", "just now"), ("2026-01-31T09:14:50.000Z", "13 s ago"),
        ("2026-01-31T09:10:00Z", "5 min ago"), ("2026-01-31T06:00:00.000Z", "3 h ago"),
        ("2026-01-29T09:00:00.000Z", "2 d ago"), ("2025-06-01T00:00:00.000Z", "2025-06-01"),
        ("yesterday", "yesterday"),
    ])
    func timesAreRelative(text: String, expected: String) throws {
        let now = try #require(Format.date("2026-01-31T09:15:03.000Z"))
        #expect(Format.relative(text, to: now) == expected)
    }

    @Test(arguments: [
        ("1500", 1500), ("1500ms", 1500), ("3s", 3000), ("1.5s", 1500), ("0.3 s", 300),
        ("2m", 120_000),
        ("15min", 900_000),
    ])
    func timeLimitsAreRead(text: String, expected: Int) {
        #expect(DurationText.milliseconds(text) == expected)
    }

    @Test(arguments: [
        "", "s", "0", "-1", "0.5", "1h", "3 seconds", "1.s", ".5s", "1e3", "nan", "١s",
        "99999999999999",
    ])
    func whatIsNoTimeLimitIsRefused(text: String) {
        #expect(DurationText.milliseconds(text) == nil)
    }

    @Test func noColourIsRespected() {
        #expect(Console.allowsColour(environment: [:], isTerminal: true))
        #expect(Console.allowsColour(environment: ["NO_COLOR": ""], isTerminal: true))
        #expect(!Console.allowsColour(environment: ["NO_COLOR": "1"], isTerminal: true))
        #expect(!Console.allowsColour(environment: ["TERM": "dumb"], isTerminal: true))
        #expect(!Console.allowsColour(environment: [:], isTerminal: false))
    }

    @Test func nothingIsPrintedOnceTheReaderHasGone() {
        let recorded = RecordedConsole()
        let console = recorded.console(open: false)
        console.print("one")
        console.print("two")
        #expect(console.isClosed)
        #expect(recorded.output == "one\n")
    }
}
