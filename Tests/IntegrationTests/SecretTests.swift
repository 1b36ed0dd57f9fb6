import Foundation
import TestSupport
import Testing

@Suite struct SecretTests {
    private static let value = "s3cret-värde-\u{22}-7741"

    private static let code = [
        "python": """
        import os, sys
        def handler(event, context):
            print("key is", os.environ["API_KEY"])
            os.write(2, ("half " + os.environ["API_KEY"][:9]).encode())
            os.write(2, (os.environ["API_KEY"][9:] + " rest\\n").encode())
            if event:
                raise ValueError("bad key " + os.environ["API_KEY"])
            return len(os.environ["API_KEY"])
        """,
        "javascript": """
        exports.handler = async (event) => {
            console.log(JSON.stringify({level: "info", key: process.env.API_KEY}));
            if (event) throw new Error("bad key " + process.env.API_KEY);
            return [...process.env.API_KEY].length;
        };
        """,
    ]

    @Test(arguments: ["python", "javascript"])
    func `a handler reads its secrets, and nobody else does`(_ runtime: String) async throws {
        try await TestEvaluator.with(["--log-level", "trace"]) { evaluator in
            try await evaluator.put(
                "keeper",
                [
                    "runtime": runtime, "code": Self.code[runtime] ?? "",
                    "secretEnv": ["API_KEY": Self.value],
                    "env": ["PLAIN": "plain"], "async": ["attempts": 2, "backoffMs": 10],
                ])
            var seen = ""
            let good = try await evaluator.invoke("keeper", "0")
            #expect(good.status == 200 && good.text == "\(Self.value.count)", "\(good.text)")
            let bad = try await evaluator.invoke("keeper", "1")
            #expect(bad.status == 502 && bad.text.contains("bad key [redacted]"), "\(bad.text)")
            let async = try await evaluator.submit("keeper", "1").callID
            _ = try await evaluator.ended(async)
            for path in [
                "/v1/calls/\(good.callID)/logs", "/v1/calls/\(bad.callID)/logs",
                "/v1/calls/\(bad.callID)", "/v1/calls/\(async)", "/v1/calls/\(async)/result",
                "/v1/calls", "/v1/logs", "/v1/functions", "/v1/functions/keeper",
                "/v1/functions/keeper/versions", "/readyz",
            ] {
                let answer = try await evaluator.get(path)
                #expect(answer.text.contains("[redacted]") || !path.hasSuffix("logs"))
                seen += answer.text
            }
            let function = try await evaluator.get("/v1/functions/keeper").json
            #expect(function["secretEnv"]?.array?.map(\.string) == ["API_KEY"])
            seen += bad.text + evaluator.errorOutput
            // Nor is it on the disk as it is: not in the database, its journal, or anywhere else.
            for file in FileManager.default.enumerator(atPath: evaluator.dataFolder) ?? .init() {
                let path = "\(evaluator.dataFolder)/\(file)"
                guard let data = FileManager.default.contents(atPath: path) else { continue }
                seen += String(decoding: data, as: UTF8.self)
            }
            #expect(!seen.contains(Self.value))
            #expect(!seen.contains("s3cret-v"))
            #expect(!seen.contains("7741"))
            let attributes = try FileManager.default.attributesOfItem(
                atPath: "\(evaluator.dataFolder)/secrets.key")
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
    }

    private static let awkward =
        "{\"type\": \"account\", \"key\": \"-----BEGIN-----\\nMIIEvQIBADANB\\n\", \"it's\": \"`\u{7f}é\u{1b}\"}\nsecond 'line'"

    @Test(arguments: [
        (
            "python",
            """
            import json, os
            def handler(event, context):
                v = os.environ["KEY"]
                print({"creds": v}); print(repr(v)); print(ascii(v)); print([v.encode()]); print(v)
                print(json.dumps({"m": v})); print(json.dumps({"m": json.dumps({"v": v})}))
                print(json.dumps({"m": v}, ensure_ascii=False)); print(os.environ)
                raise KeyError(v)
            """
        ),
        (
            "javascript",
            """
            exports.handler = async () => {
                const v = process.env.KEY;
                console.log({v}); console.log([v, {a: {b: v}}]); console.log(v); console.log("%o", v);
                console.log(JSON.stringify({v})); console.log(JSON.stringify({m: JSON.stringify({v})}));
                console.log(process.env.KEY, {...process.env});
                throw new Error(JSON.stringify(v));
            };
            """
        ),
    ])
    func `a secret is known in every form that runtimes print`(_ runtime: String, _ code: String)
        async throws
    {
        let evaluator = try await SharedEvaluator.get()
        let name = "awkward-\(runtime)"
        try await evaluator.put(
            name, ["runtime": runtime, "code": code, "secretEnv": ["KEY": Self.awkward]])
        let answer = try await evaluator.invoke(name)
        #expect(answer.status == 502, "\(answer.text)")
        let record = try await evaluator.get("/v1/calls/\(answer.callID)").text
        let log = try await evaluator.get("/v1/calls/\(answer.callID)/logs").text
        for (place, text) in [("answer", answer.text), ("record", record), ("log", log)] {
            #expect(text.contains("[redacted]"), "\(place): \(text)")
            for part in ["MIIEvQIBADANB", "account", "second"] {
                #expect(!text.contains(part), "\(place): \(text)")
            }
        }
    }

    @Test func `secrets outlive a restart and a new key, and are kept by null`() async throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("cloister-test-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let body: [String: Any] = ["runtime": "python", "code": Self.code["python"] ?? ""]
        try await TestEvaluator.with(dataFolder: folder) { evaluator in
            let nothing = try await evaluator.send(
                "PUT", "/v1/functions/keeper",
                body: JSONSerialization.data(
                    withJSONObject: body.merging(["secretEnv": ["API_KEY": NSNull()]]) { $1 }))
            #expect(nothing.status == 400, "\(nothing.text)")
            #expect(try nothing.json["field"]?.string == "secretEnv")
            try await evaluator.put(
                "keeper", body.merging(["secretEnv": ["API_KEY": Self.value]]) { $1 })
            // The same again makes no version, whether the value is given or kept.
            for secret in [Self.value, NSNull()] as [Any] {
                try await evaluator.put(
                    "keeper", body.merging(["secretEnv": ["API_KEY": secret]]) { $1 })
            }
            try await evaluator.put(
                "keeper",
                body.merging(["secretEnv": ["API_KEY": NSNull()], "timeoutMs": 2999]) { $1 })
            #expect(try await evaluator.get("/v1/functions/keeper").json["version"]?.int == 2)
            #expect(try await evaluator.invoke("keeper", "0").text == "\(Self.value.count)")
        }
        let keys = try String(contentsOfFile: "\(folder)/secrets.key", encoding: .utf8)
        let rotation = Process()
        rotation.executableURL = URL(fileURLWithPath: "\(TestEvaluator.products)/evaluator")
        rotation.arguments = ["--rotate-secrets", "--data-dir", folder]
        rotation.environment = ["HOME": folder]
        let output = Pipe()
        rotation.standardOutput = output
        try rotation.run()
        let said = String(
            decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        rotation.waitUntilExit()
        #expect(rotation.terminationStatus == 0)
        #expect(said == "2 secret values have a new key\n")
        let newKeys = try String(contentsOfFile: "\(folder)/secrets.key", encoding: .utf8)
        #expect(newKeys != keys && newKeys.split(separator: "\n").count == 1)
        try TestUser.own(folder)
        try await TestEvaluator.with(dataFolder: folder) { evaluator in
            let answer = try await evaluator.invoke("keeper", "0")
            #expect(answer.text == "\(Self.value.count)")
        }
    }

    @Test func `a secret that is too short to be kept out of logs is refused`() async throws {
        let evaluator = try await SharedEvaluator.get()
        for (secrets, env) in [
            (#"{"K": "short"}"#, "{}"), (#"{"K": "long-enough"}"#, #"{"K": "x"}"#),
            (#"{"1K": "long-enough"}"#, "{}"), (#"{"K": 7}"#, "{}"),
        ] {
            let answer = try await evaluator.send(
                "PUT", "/v1/functions/refused",
                body: Data(
                    #"{"runtime": "python", "code": "", "secretEnv": \#(secrets), "env": \#(env)}"#
                        .utf8))
            #expect(answer.status == 400, "\(answer.text)")
            #expect(!answer.text.contains("long-enough") && !answer.text.contains("short\\"))
        }
    }
}
