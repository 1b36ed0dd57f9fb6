import Foundation
import TestSupport
import Testing

@testable import Evaluator
@testable import fnctl

/// What every message passes, whatever answers it: framing, and whom a request is for.
struct EdgeTests {
    private static let lambda = "/2015-03-31/functions"

    /// Makes a function of Lambda's with a URL, and returns the URL's path.
    private func url(
        _ evaluator: TestEvaluator, _ code: String, runtime: String = "python3.11",
        mode: String = "BUFFERED"
    ) async throws -> String {
        let name = evaluator.newName("edge")
        var zip = ZipWriter()
        try zip.add(
            path: runtime.hasPrefix("python") ? "index.py" : "index.js", content: Array(code.utf8))
        let made = try await evaluator.send(
            "POST", Self.lambda,
            body: JSONSerialization.data(withJSONObject: [
                "FunctionName": name, "Runtime": runtime, "Handler": "index.handler",
                "Role": "arn:aws:iam::000000000000:role/any",
                "Code": ["ZipFile": Data(zip.finish()).base64EncodedString()],
            ]))
        #expect(made.status == 201, "\(made.text)")
        let answer = try await evaluator.send(
            "POST", "/2021-10-31/functions/\(name)/url",
            body: Data(#"{"AuthType": "NONE", "InvokeMode": "\#(mode)"}"#.utf8))
        let address = try #require(answer.json["FunctionUrl"]?.string)
        return try #require(URL(string: address)).path + "/"
    }

    private static let mirror = """
        import json
        def handler(event, context):
            return json.loads(event.get("body") or "{}")
        """

    /// Sends a request and, behind it, one whose answer is known; returns the first one's answer.
    @discardableResult
    private func ask(
        _ connection: RawConnection, _ method: String, _ path: String, _ body: String = ""
    ) throws -> RawConnection.Answer {
        try connection.send(
            "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
                + "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        let answer = try connection.receive(method)
        let next = try connection.receive()
        #expect(
            next.status == 200 && next.text == #"{"status":"ok"}"#,
            "\(method) \(path): \(next.status) \(next.text)")
        return answer
    }

    @Test func `HEAD has no body, whatever answers, and the next answer is the next request's`()
        async throws
    {
        let evaluator = try await SharedEvaluator.get()
        let url = try await url(evaluator, Self.mirror)
        let connection = try RawConnection(evaluator.endpoint)
        let own = Routes.methods.map {
            $0.path.replacing("{name}", with: "f").replacing("{id}", with: "x")
        }
        let others = [
            url, "/lambda-url/none/", "/lambda-code/x", "/nothing", "/v1/nothing", "/v1/keys",
            Self.lambda, "\(Self.lambda)/none", "/2015-03-31/nothing", "/", "/v1/functions?x=1",
        ]
        for path in own + others {
            let head = try ask(connection, "HEAD", path)
            #expect(head.headers["transfer-encoding"] == nil, "\(path)")
        }
        // The length is the one of the answer to GET (RFC 9110, section 8.6).
        let head = try ask(connection, "HEAD", "/openapi.json")
        let get = try ask(connection, "GET", "/openapi.json")
        #expect(head.headers["content-length"] == "\(get.body.count)")
    }

    @Test func `a function URL's answer without a body has none, and what is no answer is a 502`()
        async throws
    {
        let evaluator = try await SharedEvaluator.get()
        let url = try await url(evaluator, Self.mirror)
        let connection = try RawConnection(evaluator.endpoint)
        let evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL"
        func answer(_ status: Any, _ method: String = "POST") throws -> RawConnection.Answer {
            let body = try JSONSerialization.data(withJSONObject: [
                "statusCode": status, "body": evil,
            ])
            return try ask(connection, method, url, String(decoding: body, as: UTF8.self))
        }
        for status in [204, 205, 304] {
            let got = try answer(status)
            #expect(got.status == status && got.body.isEmpty)
            #expect(got.headers["transfer-encoding"] == nil)
        }
        for status in [-1, 0, 99, 100, 101, 102, 103, 150, 199, 600, 999, 1000, 1 << 40] {
            #expect(try answer(status).status == 502, "\(status)")
        }
        #expect(try answer(200).text == evil)
        let head = try answer(200, "HEAD")
        #expect(head.status == 200 && head.headers["content-length"] == "\(evil.utf8.count)")
        #expect(try answer(204, "HEAD").status == 204)
    }

    @Test func `so it is for streamed answers`() async throws {
        let evaluator = try await SharedEvaluator.get()
        let url = try await url(
            evaluator,
            """
            exports.handler = awslambda.streamifyResponse(async (event, stream) => {
              const status = Number(event.rawQueryString);
              if (status) stream = awslambda.HttpResponseStream.from(stream, {statusCode: status});
              stream.write('HTTP/1.1 200 OK\\r\\n');
              stream.write('Content-Length: 4\\r\\n\\r\\nEVIL');
              stream.end();
            });
            """, runtime: "nodejs20.x", mode: "RESPONSE_STREAM")
        let connection = try RawConnection(evaluator.endpoint)
        for status in [204, 304] {
            #expect(try ask(connection, "GET", "\(url)?\(status)").status == status)
        }
        for status in [101, 199, 600] {
            #expect(try ask(connection, "GET", "\(url)?\(status)").status == 502)
        }
        for query in ["", "?200", "?204"] { try ask(connection, "HEAD", url + query) }
        let whole = try ask(connection, "GET", url)
        #expect(whole.text.hasSuffix("EVIL") && whole.headers["transfer-encoding"] == "chunked")
        // HTTP/1.0 has no chunks: the end of the connection is the end of the answer.
        let old = try RawConnection(evaluator.endpoint)
        try old.send("GET \(url) HTTP/1.0\r\n\r\n")
        let answer = try old.receive()
        #expect(answer.headers["transfer-encoding"] == nil && answer.text.hasSuffix("EVIL"))
    }

    // MARK: Whom a request is for

    private func status(
        _ evaluator: TestEvaluator, _ path: String, _ headers: String, version: String = "1.1",
        method: String = "GET"
    ) throws -> Int {
        let connection = try RawConnection(evaluator.endpoint)
        try connection.send("\(method) \(path) HTTP/\(version)\r\n\(headers)\r\n")
        return try connection.receive(method).status
    }

    @Test func `a request names one host, and a target that is an address counts instead`()
        async throws
    {
        let evaluator = try await SharedEvaluator.get()
        #expect(try status(evaluator, "/healthz", "") == 400)
        #expect(try status(evaluator, "/healthz", "", version: "1.0") == 200)
        #expect(try status(evaluator, "/healthz", "Host: a\r\nHost: a\r\n") == 400)
        #expect(try status(evaluator, "/healthz", "Host: a\r\nhOST: b\r\n", version: "1.0") == 400)
        for host in [
            "", "a b", "a@b", "127.0.0.1:80@evil", "[::1].evil", "[::1", "::1", "a:b", "a:1:2",
            "a:65536", "a/b", "[127.0.0.1]", "[fe80::1%25lo]", "a\\b", "a\"b", "http://a",
        ] {
            #expect(try status(evaluator, "/healthz", "Host: \(host)\r\n") == 400, "\(host)")
        }
        for host in ["localhost", "a.example:1", "[::1]:8080", "a:", "127.0.0.1"] {
            #expect(try status(evaluator, "/healthz", "Host: \(host)\r\n") == 200, "\(host)")
        }
        let local = "Host: 127.0.0.1\r\n"
        let functions = "127.0.0.1\(Self.lambda)"
        #expect(try status(evaluator, "http://\(functions)", local) == 200)
        #expect(try status(evaluator, "http://\(functions)", "Host: evil.example\r\n") == 200)
        #expect(try status(evaluator, "http://evil.example\(Self.lambda)", local) == 403)
        #expect(try status(evaluator, "HTTPS://evil.example:1\(Self.lambda)", local) == 403)
        #expect(try status(evaluator, "http://evil.example/v1/functions", local) == 403)
        for target in ["http://a@\(functions)", "ftp://\(functions)", "http:///x", "http://", "x"] {
            #expect(try status(evaluator, target, local) == 400, "\(target)")
        }
    }

    /// Neither a name that leads here nor a page of elsewhere is let in without a signature, nor to /v1.
    @Test func `only this machine's own names are this machine's`() async throws {
        let evaluator = try await SharedEvaluator.get()
        for path in [Self.lambda, "/v1/functions"] {
            for host in [
                "127.evil.example", "127.0.0.1.evil.example", "127.1", "127.0.0.1.", "evil.example",
                "localhost.evil", "localhost..", "0.0.0.0", "[::2]", "[::ffff:126.0.0.1]",
                "2130706433",
                "0x7f.0.0.1", "xlocalhost", "127%2e0.0.1",
            ] {
                #expect(try status(evaluator, path, "Host: \(host)\r\n") == 403, "\(path) \(host)")
            }
            for host in [
                "127.0.0.1", "127.9.9.9:80", "LOCALHOST", "localhost.:8080", "[::1]",
                "[0:0::1]:9",
            ] {
                #expect(try status(evaluator, path, "Host: \(host)\r\n") == 200, "\(path) \(host)")
            }
            for origin in [
                "http://evil.example", "null", "http://127.0.0.1.evil", "http://127.0.0.1:1", "",
            ] {
                let headers = "Host: 127.0.0.1:8080\r\nOrigin: \(origin)\r\n"
                #expect(try status(evaluator, path, headers) == 403, "\(path) \(origin)")
            }
            let site = "Host: 127.0.0.1\r\nSec-Fetch-Site: cross-site\r\n"
            #expect(try status(evaluator, path, site) == 403)
        }
        // A page that an evaluator's own proxy serves, and a proxy that says whom it speaks for.
        let same = "Host: 127.0.0.1:8080\r\nOrigin: http://127.0.0.1:8080\r\n"
        #expect(try status(evaluator, "/v1/functions", same) == 200)
        for header in [
            "X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.9", "Via: 1.1 proxy",
            "X-Forwarded-Host: a.example", "X-Real-IP: 203.0.113.9",
            "CF-Connecting-IP: 203.0.113.9", "True-Client-IP: 203.0.113.9",
        ] {
            let headers = "Host: 127.0.0.1\r\n\(header)\r\n"
            #expect(try status(evaluator, Self.lambda, headers) == 403, "\(header)")
            #expect(try status(evaluator, "/v1/functions", headers) == 200, "\(header)")
        }
    }

    @Test func `names of a proxy are let in when the evaluator is told of them`() async throws {
        try await TestEvaluator.with(["--hosts", "api.company.example, Other.example"]) {
            evaluator in
            let name = "Host: API.company.example\r\n"
            let origin = "Host: 127.0.0.1\r\nOrigin: https://api.company.example\r\n"
            for (path, headers, expected) in [
                ("/v1/functions", name, 200), ("/v1/functions", "Host: other.example:99\r\n", 200),
                ("/v1/functions", "Host: evil.example\r\n", 403), ("/v1/functions", origin, 200),
                // It is still no program of this machine.
                (Self.lambda, name, 403),
            ] {
                let got = try status(evaluator, path, headers)
                #expect(got == expected, "\(path) \(headers)")
            }
        }
    }

    @Test func `access keys are on the socket in the data folder, and not to be had over TCP`()
        async throws
    {
        try await TestEvaluator.with { evaluator in
            let socket = "\(evaluator.dataFolder)/control/keys.sock"
            for (method, path) in [
                ("GET", "/v1/keys"), ("POST", "/v1/keys"), ("DELETE", "/v1/keys/x"),
            ] {
                let answer = try await evaluator.send(method, path)
                #expect(answer.status == 403)
                #expect(try answer.json["socket"]?.string == socket)
                let proxied = try await evaluator.send(
                    method, path, headers: [("X-Forwarded-For", "203.0.113.9")])
                #expect(proxied.status == 403 && !proxied.text.contains("control"))
            }
            for (path, mode) in [(socket, 0o600), ("\(evaluator.dataFolder)/control", 0o700)] {
                let attributes = try FileManager.default.attributesOfItem(atPath: path)
                #expect(attributes[.posixPermissions] as? Int == mode, "\(path)")
            }
        }
    }
}
