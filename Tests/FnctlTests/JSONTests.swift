import Testing

@testable import fnctl

@Suite struct JSONTests {
    @Test(arguments: [
        #"{"b":1.50,"a":[true,false,null,-0.1e+5],"":{}}"#,
        #"["\"\\\n\t","é","\u0000","\u009b"]"#,
        "12345678901234567890.12345678901234567890",
        "[]",
    ])
    func printingKeepsOrderAndDigits(text: String) throws {
        #expect(try json(text).compact == text)
    }

    @Test func spacesAndEscapesAreRead() throws {
        #expect(
            try json(" [ \"\\u00e9\\ud83d\\ude42\\/\" , 1 ] \n")
                == .array([.string("é🙂/"), .number("1")]))
        #expect(try json(#""\ud83d x""#) == .string("\u{FFFD} x"))
    }

    @Test func prettyTextIsIndentedByTwo() throws {
        let text = try json(#"{"b":[1,{}],"a":{"c":[]}}"#).pretty(sortsKeys: true)
        #expect(
            text == """
                {
                  "a": {
                    "c": []
                  },
                  "b": [
                    1,
                    {}
                  ]
                }
                """)
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\":1,}", "01", "1.", ".5", "+1", "1e", "tru", "nan", "'a'",
        "\"\u{1}\"", "\"\\x\"",
        "\"\\u12g4\"", "1 2", "{1:2}", "\"a", "[1 2]",
    ])
    func whatIsNotJSONIsRefused(text: String) {
        #expect(throws: JSONSyntaxError.self) { try JSONParser.parse(text) }
    }

    @Test func anErrorSaysWhere() {
        #expect(
            messageThrown { _ = try json("{\n  \"a\": x}") }
                == "expected a value at line 2, column 8")
    }

    @Test func aVeryDeepTextIsRefused() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(messageThrown { _ = try json(deep) }?.contains("nested deeper than 512") == true)
    }

    @Test(arguments: [
        ("1", "1.0"), ("100", "1e2"), ("-0", "0"), ("0.10", "1E-1"),
        ("0.3333333333333333", "0.33333333333333331"),
        (#"{"a":1,"b":2}"#, #"{"b":2,"a":1}"#), (#"{"a":1,"a":2}"#, #"{"a":2}"#),
    ])
    func valuesThatMeanTheSameAreEqual(left: String, right: String) throws {
        #expect(try json(left) == json(right))
    }

    @Test(arguments: [
        ("1", "2"), ("1", "true"), ("0", "false"), ("0", "null"), ("1", "\"1\""), ("1", "-1"),
        ("1", "10"),
        ("9007199254740993", "9007199254740992"), ("[1,2]", "[2,1]"), ("{}", "[]"),
        (#"{"a":1}"#, #"{"b":1}"#),
        (#"{"a":null}"#, "{}"), ("0.1", "0.1000001"), ("1e999999999999999999999", "2"),
    ])
    func valuesThatMeanSomethingElseAreNot(left: String, right: String) throws {
        #expect(try json(left) != json(right))
    }
}
