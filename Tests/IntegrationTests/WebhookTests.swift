import Foundation
import TestSupport
import Testing

/// Webhooks, received by a real server that checks their signatures by itself.
@Suite struct WebhookTests {
    private static let secret = "whsec_\(Data(repeating: 7, count: 32).base64EncodedString())"

    /// Answers as the path says, and writes a line of JSON for each request.
    private static let receiver = """
        import base64, hmac, http.server, json, time
        key = base64.b64decode("\(secret.dropFirst(6))")
        seen = {}
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                h = self.headers
                signed = f"{h['webhook-id']}.{h['webhook-timestamp']}.".encode() + body
                mac = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
                seen[self.path] = seen.get(self.path, 0) + 1
                if self.path.startswith("/hang"):
                    time.sleep(600)
                if self.path == "/zero":
                    self.wfile.write(b"HTTP/1.1 000 x\\r\\ncontent-length: 0\\r\\n\\r\\n")
                    self.close_connection = True
                    return
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
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        print(server.server_port, flush=True)
        server.serve_forever()
        """

    @Test func `ends are told, signed, again until they are heard, and only to allowed hosts`()
        async throws
    {
        let receiver = try await Receiver(Self.receiver)
        defer { receiver.stop() }
        let (port, base) = (receiver.port, receiver.base)
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
                "http://u@127.0.0.1:\(port)/", "nonsense", "http://127.0.0.1:0/",
                "http://127.0.0.1:70000/", "http://127.0.0.1:99999999999999999999/",
                "http://127.0.0.%31:\(port)/", "http://127.0.0.1:\(port)/\u{e9}",
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
            let first = try await receiver.told(1)
            #expect(first["path"]?.string == "/failed" && first["valid"]?.bool == true)
            #expect(first["id"]?.string == failed)
            #expect(first["body"]?["type"]?.string == "call.failed")
            let call = first["body"]?["data"]?["call"]
            #expect(call?["attempt"]?.int == 2 && call?["dead"]?.bool == true)

            let completed = try await evaluator.submit("told", "0").callID
            for number in 2...3 {
                let told = try await receiver.told(number)
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
            #expect(try await receiver.told(4)["path"]?.string == "/gone")
            #expect(try await receiver.told(5)["path"]?.string == "/moved")
        }
    }

    @Test func `receivers that hang or answer nonsense harm nobody else`() async throws {
        let receiver = try await Receiver(Self.receiver)
        defer { receiver.stop() }
        try await TestEvaluator.with(["--webhook-hosts", "127.0.0.1:\(receiver.port)"]) {
            evaluator in
            for name in ["hang", "zero", "good"] {
                try await evaluator.put(
                    name,
                    [
                        "runtime": "python", "code": "def handler(e, c):\n    return e\n",
                        "async": [
                            "onSuccess": "\(receiver.base)/\(name)", "webhookSecret": Self.secret,
                        ],
                    ])
            }
            for _ in 0..<24 { _ = try await evaluator.submit("hang") }
            let zero = try await evaluator.submit("zero").callID
            let good = try await evaluator.submit("good").callID
            let clock = ContinuousClock()
            let pause = try await clock.measure {
                try await until { try await state(evaluator, good)?.0 == "delivered" }
            }
            // Before the first of those that hang is given up.
            #expect(pause < .seconds(12) * timeFactor, "\(pause)")
            try await until { try await state(evaluator, zero)?.1 == 1 }
            try await until {
                let webhook = try await evaluator.get("/v1/calls/\(zero)").json["webhook"]
                return webhook?["lastError"]?.string?.contains("not one of HTTP") == true
            }
        }
    }

    @Test func `many URLs of one host that hang do not hold up another function's webhook to it`()
        async throws
    {
        let receiver = try await Receiver(Self.receiver)
        defer { receiver.stop() }
        try await TestEvaluator.with(["--webhook-hosts", "127.0.0.1:\(receiver.port)"]) {
            evaluator in
            func put(_ name: String, _ path: String) async throws {
                try await evaluator.put(
                    name,
                    [
                        "runtime": "python", "code": "def handler(e, c):\n    return e\n",
                        "async": [
                            "onSuccess": "\(receiver.base)/\(path)", "webhookSecret": Self.secret,
                        ],
                    ])
            }
            var hanging: [String] = []
            for number in 0..<16 {
                try await put("hang\(number)", "hang?\(number)")
                for _ in 0..<4 {
                    hanging.append(try await evaluator.submit("hang\(number)").callID)
                }
            }
            try await put("good", "good")
            for id in hanging { _ = try await evaluator.ended(id) }
            let good = try await evaluator.submit("good").callID
            try await until { try await state(evaluator, good)?.0 == "delivered" }
            // None of those that hang has been given up yet.
            for id in hanging {
                let webhook = try await evaluator.get("/v1/calls/\(id)").json["webhook"]
                #expect(webhook?["lastError"]?.string?.contains("no answer within") != true)
            }
        }
    }

    private func state(
        _ evaluator: TestEvaluator, _ id: String
    ) async throws -> (String?, Int?)? {
        let webhook = try await evaluator.get("/v1/calls/\(id)").json["webhook"]
        return webhook.map { ($0["state"]?.string, $0["attempts"]?.int) }
    }
}

/// A server in a process of its own, which prints its port and then a line of JSON for each request.
private final class Receiver: Sendable {
    let port: Int
    private let file: String
    private let pid: pid_t

    var base: String { "http://127.0.0.1:\(port)" }

    init(_ program: String) async throws {
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("cloister-test-\(UUID().uuidString)").path
        try Data().write(to: URL(fileURLWithPath: file))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", program]
        process.standardError = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: file))
        try process.run()
        self.file = file
        pid = process.processIdentifier
        port = Int(try await Self.line(0, of: file)) ?? 0
    }

    func stop() {
        // A child of a worker thread starts with most signals blocked.
        kill(pid, SIGKILL)
        try? FileManager.default.removeItem(atPath: file)
    }

    /// The request with this number, from 1, once it is there.
    func told(_ number: Int) async throws -> JSON {
        try JSON(Data(try await Self.line(number, of: file).utf8))
    }

    private static func line(_ number: Int, of file: String) async throws -> String {
        var lines: [Substring] = []
        try await until {
            let text = try String(contentsOfFile: file, encoding: .utf8)
            lines = text.split(separator: "\n")
            return lines.count > number && (text.hasSuffix("\n") || lines.count > number + 1)
        }
        return String(lines[number])
    }
}
