import Foundation
import NIOHTTP1
import Testing

@testable import Evaluator

struct HTTPFunctionsTests {
    @Test func `a function is registered, read, listed and deleted`() async throws {
        try await TestEvaluator.run { evaluator in
            let body = #"""
                {"runtime": "python", "handler": "lib/app.main", "code": "x = 1", "timeoutMs": 5000,
                 "memoryMB": 64, "tmpMB": 1, "env": {"A": "ä"}, "description": "says hello"}
                """#
            let made = try await evaluator.send(.PUT, "/v1/functions/hello", body)
            #expect(made.status == 201)
            #expect(made.headers.first(name: "location") == "/v1/functions/hello?version=1")
            let function = try made.object()
            #expect(
                Set(function.keys) == [
                    "name", "version", "runtime", "handler", "codeSha256", "codeBytes", "timeoutMs",
                    "memoryMB", "tmpMB", "env", "isolation", "description", "createdAt",
                ])
            #expect(function["version"] as? Int == 1)
            #expect(function["codeBytes"] as? Int == 5)
            #expect(function["isolation"] as? String == "call")
            #expect(function["env"] as? [String: String] == ["A": "ä"])
            let time = try #require(function["createdAt"] as? String)
            #expect(
                try Regex(#"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"#).wholeMatch(in: time) != nil)

            let again = try await evaluator.send(.PUT, "/v1/functions/hello", body)
            #expect(again.status == 200)
            #expect(again.text == made.text)
            #expect(try await evaluator.send(.GET, "/v1/functions/hello").text == made.text)
            #expect(
                try await evaluator.send(.GET, "/v1/functions/hello?version=1").text == made.text)
            #expect(try await evaluator.send(.GET, "/v1/functions/%68ello").text == made.text)
            #expect(
                try await evaluator.send(.GET, "/v1/functions").text
                    == "{\"functions\":[\(made.text)]}")
            #expect(
                try await evaluator.send(.GET, "/v1/functions/hello/versions").text
                    == "{\"versions\":[\(made.text)]}")
            #expect(try await evaluator.send(.DELETE, "/v1/functions/hello").status == 204)
            for path in ["/v1/functions/hello", "/v1/functions/hello/versions"] {
                try await evaluator.send(.GET, path).expectProblem(404, "not-found")
            }
            try await evaluator.send(.DELETE, "/v1/functions/hello").expectProblem(404, "not-found")
        }
    }

    @Test func `bodies that are wrong are refused with the field at fault`() async throws {
        try await TestEvaluator.run { evaluator in
            func put(_ body: String) async throws -> Answer {
                try await evaluator.send(.PUT, "/v1/functions/f", body)
            }
            for (fields, field) in [
                (#""runtime": "python", "code": "", "isolation": "none""#, "isolation"),
                (#""runtime": "python""#, "code"),
                (#""code": "x""#, "runtime"),
                (#""runtime": "cobol", "code": "x""#, "runtime"),
                (#""runtime": 1, "code": "x""#, "runtime"),
                (#""runtime": null, "code": "x""#, "runtime"),
                (#""runtime": "python", "code": "x", "zip": "eA==""#, "zip"),
                (#""runtime": "python", "zip": "e A==""#, "zip"),
                (#""runtime": "python", "code": ["x"]"#, "code"),
                (#""runtime": "python", "code": "x", "colour": 1"#, "colour"),
                (#""runtime": "python", "code": "x", "timeoutMs": 0"#, "timeoutMs"),
                (#""runtime": "python", "code": "x", "timeoutMs": "3""#, "timeoutMs"),
                (#""runtime": "python", "code": "x", "timeoutMs": 1.5"#, "timeoutMs"),
                (#""runtime": "python", "code": "x", "timeoutMs": 1e400"#, "timeoutMs"),
                (#""runtime": "python", "code": "x", "timeoutMs": null"#, "timeoutMs"),
                (#""runtime": "python", "code": "x", "memoryMB": true"#, "memoryMB"),
                (#""runtime": "python", "code": "x", "memoryMB": 31"#, "memoryMB"),
                (#""runtime": "python", "code": "x", "tmpMB": 10241"#, "tmpMB"),
                (#""runtime": "python", "code": "x", "env": {"A": 1}"#, "env"),
                (#""runtime": "python", "code": "x", "env": {"A-B": "1"}"#, "env"),
                (#""runtime": "python", "code": "x", "env": []"#, "env"),
                (#""runtime": "python", "code": "x", "handler": "x""#, "handler"),
                (#""runtime": "python", "code": "x", "description": {}"#, "description"),
            ] {
                try await put("{\(fields)}").expectProblem(400, "invalid-function", field: field)
            }
            for body in ["", "[1", "{\"a\": }", "nul"] {
                let detail = try await put(body).expectProblem(400, "bad-request")
                #expect(detail.contains("line 1, column"))
            }
            for body in ["[]", "1", "null", "\"x\""] {
                try await put(body).expectProblem(400, "invalid-function")
            }
            try await put(#"{"runtime": "python", "zip": "UEsFBg=="}"#).expectProblem(
                400, "invalid-bundle")
            try await evaluator.send(.PUT, "/v1/functions/a.b", "{}")
                .expectProblem(400, "invalid-function", field: "name")
            try await evaluator.send(
                .PUT, "/v1/functions/f", "{}", headers: [("Content-Type", "text/html")]
            )
            .expectProblem(415, "unsupported-media-type")
            #expect(try await evaluator.send(.GET, "/v1/functions").text == #"{"functions":[]}"#)
        }
    }

    @Test func `a body over 70 MB is refused`() async throws {
        try await TestEvaluator.run { evaluator in
            let body = [UInt8](repeating: 0x20, count: (70 << 20) + 1)
            try await evaluator.send(.PUT, "/v1/functions/f", bytes: body)
                .expectProblem(413, "payload-too-large")
        }
    }

    @Test func `lists come in pages, and wrong queries are refused`() async throws {
        try await TestEvaluator.run { evaluator in
            for name in ["a", "b", "c"] { try await evaluator.register(name) }
            let first = try await evaluator.send(.GET, "/v1/functions?limit=2").object()
            #expect(
                (first["functions"] as? [[String: Any]])?.map { $0["name"] as? String } == [
                    "a", "b",
                ])
            let cursor = try #require(first["nextCursor"] as? String)
            let second = try await evaluator.send(.GET, "/v1/functions?limit=2&cursor=\(cursor)")
                .object()
            #expect(
                (second["functions"] as? [[String: Any]])?.map { $0["name"] as? String } == ["c"])
            #expect(second["nextCursor"] == nil)
            for query in [
                "limit=0", "limit=1001", "limit=x", "limit=", "limit=1&limit=2", "cursor=!",
                "cursor=",
                "colour=red", "version=1",
            ] {
                try await evaluator.send(.GET, "/v1/functions?\(query)").expectProblem(
                    400, "bad-request")
            }
            try await evaluator.send(.GET, "/v1/functions/a?version=0").expectProblem(
                400, "bad-request")
            try await evaluator.send(.GET, "/v1/functions/a?version=7").expectProblem(
                404, "not-found")
        }
    }
}
