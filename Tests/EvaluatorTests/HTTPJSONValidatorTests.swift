import Foundation
import Testing

@testable import Evaluator

struct HTTPJSONValidatorTests {
    private func fault(_ bytes: [UInt8]) -> JSONFault? {
        do {
            try bytes.withUnsafeBytes { try JSONValidator.check($0) }
            return nil
        } catch {
            return error as? JSONFault
        }
    }

    private func fault(_ text: String) -> JSONFault? { fault(Array(text.utf8)) }

    @Test(arguments: [
        "null", "true", "false", "0", "-0", "1.5e-7", "1E+9", "123456789012345678901234567890",
        "\"\"",
        "[]", "{}", "[[],{}]", " \t\r\n[ 1 , 2 ] \n", "{\"a\":{\"b\":[true,null,\"x\"]},\"\":0}",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD834\\uDD1E\"", "\"é€𝄞\u{7F}\u{10FFFF}\"",
        "[{\"a\":1},{\"a\":2}]",
    ])
    func `JSON texts are accepted`(text: String) {
        #expect(fault(text) == nil)
    }

    @Test(arguments: [
        ("", 1, 1), (" ", 1, 2), ("nul", 1, 1), ("nulll", 1, 5), ("01", 1, 2), ("-", 1, 2),
        ("+1", 1, 1),
        ("1.", 1, 3), (".5", 1, 1), ("1e", 1, 3), ("NaN", 1, 1), ("[1,]", 1, 4), ("[1", 1, 3),
        ("[1}", 1, 3),
        ("[,]", 1, 2), ("{\"a\"}", 1, 5), ("{\"a\":}", 1, 6), ("{\"a\":1,}", 1, 8), ("{a:1}", 1, 2),
        ("{\"a\":1", 1, 7), ("{\"a\" 1}", 1, 6), ("\"a", 1, 3), ("\"\\x\"", 1, 3),
        ("\"\\u12g4\"", 1, 6),
        ("\"a\nb\"", 1, 3), ("'a'", 1, 1), ("1 2", 1, 3), ("[1]]", 1, 4), ("\u{FEFF}1", 1, 1),
        ("{\n  \"é\": [1,\n    x]}", 3, 5), ("// c\n1", 1, 1), ("[", 1, 2), ("{", 1, 2),
        ("}", 1, 1),
    ])
    func `other texts are refused at the place of the fault`(text: String, line: Int, column: Int) {
        let fault = fault(text)
        #expect(
            fault?.line == line && fault?.column == column, "\(fault.map { "\($0)" } ?? "accepted")"
        )
    }

    @Test(arguments: ["NaN", "Infinity", "-Infinity", "[NaN,-1,{\"a\":-Infinity}]"])
    func `numbers that JSON does not have are accepted where they are allowed`(text: String) {
        var text = text
        text.withUTF8 { bytes in
            let bytes = UnsafeRawBufferPointer(bytes)
            #expect(throws: JSONFault.self) { try JSONValidator.check(bytes) }
            #expect(throws: Never.self) { try JSONValidator.check(bytes, allowsNonFinite: true) }
        }
    }

    @Test(arguments: [
        "nan", "-NaN", "+Infinity", "Inf", "Infinity1", "{NaN:1}", "NaN NaN", "--Infinity",
    ])
    func `nothing but those is allowed besides`(text: String) {
        var text = text
        text.withUTF8 { bytes in
            let bytes = UnsafeRawBufferPointer(bytes)
            #expect(throws: JSONFault.self) {
                try JSONValidator.check(bytes, allowsNonFinite: true)
            }
        }
    }

    @Test(
        arguments: [
            [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x9F, 0xBF], [0xED, 0xA0, 0x80],
            [0xF0, 0x8F, 0xBF, 0xBF],
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF], [0xC3], [0xE2, 0x82],
            [0xF0, 0x9D, 0x84],
            [0xE2, 0x28, 0xA1], [0xF0, 0x9D, 0x28, 0x9E],
        ] as [[UInt8]])
    func `bytes that are not UTF-8 are refused, inside of a string and cut off`(bytes: [UInt8]) {
        #expect(fault([0x22] + bytes + [0x22]) != nil)
        #expect(fault([0x22] + bytes) != nil)
        #expect(fault(bytes) != nil)
    }

    @Test func `nesting is accepted up to 512 levels`() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            func nested(_ depth: Int) -> String {
                String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
            }
            #expect(fault(nested(512)) == nil)
            #expect(fault(nested(513))?.reason.contains("512") == true)
        }
        // Kinds alternate, so that every level's kind counts.
        let mixed =
            String(repeating: "[{\"a\":", count: 256) + "1" + String(repeating: "}]", count: 256)
        #expect(fault(mixed) == nil)
        #expect(fault(mixed.replacingOccurrences(of: "}]]", with: "]}]")) == nil)
        #expect(fault(String(mixed.dropLast(2)) + "]}") != nil)
    }

    @Test func `it agrees with Foundation on texts with one byte changed`() {
        let base = Array(#"{"a": [1, -2.5e3, "x\né", true, null], "b": {"c": {}, "d": []}}"#.utf8)
        let interesting = Array("{}[]\":,0-.e+\\u tfn\n\u{1}".utf8) + [0x80, 0xC3, 0xFF]
        for position in base.indices {
            for byte in interesting {
                var changed = base
                changed[position] = byte
                let ours = fault(changed) == nil
                let theirs =
                    (try? JSONSerialization.jsonObject(
                        with: Data(changed), options: .fragmentsAllowed)) != nil
                // Foundation is laxer in nothing that these changes produce but duplicate keys, which
                // both accept.
                #expect(ours == theirs, "\(String(decoding: changed, as: UTF8.self))")
            }
        }
    }
}
