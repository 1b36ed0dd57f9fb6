import Foundation
import TestSupport
import Testing

/// Webhooks, received by a real server that checks their signatures by itself.
@Suite struct WebhookTests {
    private static let secret = "whsec_\(Data(repeating: 7, count: 32).base64EncodedString())"

    /// Answers as the path says, and writes a line of JSON for each request.
    private static let receiver = """
        import base64, hashlib, hmac, http.server, json, sys
        key = base64.b64decode("\(secret.dropFirst(6))")
        seen = {}
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                h = self.headers
                signed = f"{h['webhook-id']}.{h['webhook-timestamp']}.".encode() + body
                mac = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
                seen[self.path] = seen.get(self.path, 0) + 1
                status = {"/gone": 410, "/moved": 302}.get(self.path, 200)
                if self.path == "/flaky" and seen[self.path] == 1:
                    status = 503
                self.send_response(status)
                self.send_header("location", "/elsewhere")
                self.send_header("content-length", "0")
                self.end_headers()
                print(json.dumps({
                    "path": self.path, "valid": h["webhook-signature"] == "v1," + mac,
                    "id": h["webhook-id"], "body": json.loads(body)}), flush=True)
            def log_message(self, *arguments):
                pass
        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        print(server.server_port, flush=True)
        server.serve_forever()
        """

    @Test func `ends are told, signed, again until they are heard, and only to allowed hosts`()
        async throws
    {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", Self.receiver]
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("cloister-test-\(UUID().uuidString)").path
        try Data().write(to: URL(fileURLWithPath: file))
        defer { try? FileManager.default.removeItem(atPath: file) }
        process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: file))
        try process.run()
        defer { process.terminate() }
        /// The line with this number, once it is there.
        func line(_ number: Int) async throws -> String {
            var lines: [Substring] = []
            try await until {
                lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
                return lines.count > number
            }
            return String(lines[number])
        }
        func told(_ number: Int) async throws -> JSON {
            try JSON(Data(try await line(number).utf8))
        }
        let port = try await line(0)
        let base = "http://127.0.0.1:\(port)"
        try await TestEvaluator.with(["--webhook-hosts", "127.0.0.1:\(port)"]) { evaluator in
            func put(_ name: String, _ async: [String: Any]) async throws -> TestEvaluator.Answer {
                let code =
                    "def handler(e, c):\n    if e: raise ValueError('no')\n    return [1, 'é']\n"
                return try await evaluator.send(
                    "PUT", "/v1/functions/\(name)",
                    body: JSONSerialization.data(
                        withJSONObject: [
                            "runtime": "python", "code": code,
                            "async": async.merging(["attempts": 2, "backoffMs": 10]) { $1 },
                        ]))
            }
            for refused in [
                "http://127.0.0.2:\(port)/", "http://127.0.0.1:1/", "ftp://127.0.0.1/",
                "http://u@127.0.0.1:\(port)/", "nonsense",
            ] {
                let answer = try await put(
                    "no", ["onSuccess": refused, "webhookSecret": Self.secret])
                #expect(answer.status == 400, "\(refused): \(answer.text)")
            }
            #expect(try await put("no", ["onSuccess": base + "/"]).status == 400)

            let made = try await put(
                "told",
                [
                    "onSuccess": base + "/flaky", "onFailure": base + "/failed",
                    "webhookSecret": Self.secret,
                ])
            #expect(made.status == 201 && !made.text.contains(Self.secret), "\(made.text)")
            #expect(
                try await put(
                    "moved",
                    [
                        "onSuccess": base + "/gone", "onFailure": base + "/moved",
                        "webhookSecret": Self.secret,
                    ]
                ).status == 201)

            let failed = try await evaluator.submit("told", "1").callID
            let first = try await told(1)
            #expect(first["path"]?.string == "/failed" && first["valid"]?.bool == true)
            #expect(first["id"]?.string == failed)
            #expect(first["body"]?["type"]?.string == "call.failed")
            let call = first["body"]?["data"]?["call"]
            #expect(call?["attempt"]?.int == 2 && call?["dead"]?.bool == true)

            let completed = try await evaluator.submit("told", "0").callID
            for number in 2...3 {
                let told = try await told(number)
                #expect(told["path"]?.string == "/flaky" && told["valid"]?.bool == true)
                #expect(told["id"]?.string == completed)
                #expect(told["body"]?["data"]?["result"]?[1]?.string == "é")
            }
            try await until { try await state(evaluator, completed)?.0 == "delivered" }
            #expect(try await state(evaluator, completed)?.1 == 2)

            // Gone is gone, and a redirect is no delivery and is not followed.
            let gone = try await evaluator.submit("moved", "0").callID
            try await until { try await state(evaluator, gone)?.0 == "failed" }
            #expect(try await state(evaluator, gone)?.1 == 1)
            let moved = try await evaluator.submit("moved", "1").callID
            try await until { try await state(evaluator, moved)?.1 == 1 }
            let record = try await evaluator.get("/v1/calls/\(moved)").json["webhook"]
            #expect(record?["state"]?.string == "pending")
            #expect(record?["lastError"]?.string == "the answer was 302")
            #expect(try await told(4)["path"]?.string == "/gone")
            #expect(try await told(5)["path"]?.string == "/moved")
        }
    }

    private func state(
        _ evaluator: TestEvaluator, _ id: String
    ) async throws -> (String?, Int?)? {
        let webhook = try await evaluator.get("/v1/calls/\(id)").json["webhook"]
        return webhook.map { ($0["state"]?.string, $0["attempts"]?.int) }
    }
}
