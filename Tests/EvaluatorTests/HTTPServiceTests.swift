import ExecutorSupervisor
import Foundation
import NIOHTTP1
import Testing

@testable import Evaluator

struct HTTPServiceTests {
    @Test func `unknown paths are 404 and wrong methods 405 with what is allowed`() async throws {
        try await TestEvaluator.run { evaluator in
            for path in [
                "/", "/v1", "/v2/functions", "/v1/functions/a/b", "/v1/calls/x/logs/y", "/%00",
            ] {
                try await evaluator.send(.GET, path).expectProblem(404, "not-found")
            }
            for route in Routes.methods {
                let path = route.path.replacing("{name}", with: "f").replacing("{id}", with: "x")
                for method in [
                    "GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND",
                ]
                where !route.methods.contains(method) {
                    let answer = try await evaluator.send(HTTPMethod(rawValue: method), path)
                    try answer.expectProblem(405, "method-not-allowed")
                    #expect(
                        answer.headers.first(name: "allow") == route.methods.joined(separator: ", ")
                    )
                }
                for method in route.methods {
                    let answer = try await evaluator.send(HTTPMethod(rawValue: method), path)
                    #expect(answer.status != 405 && answer.status != 500, "\(method) \(path)")
                }
            }
        }
    }

    @Test func `readiness tells of every template and is 503 until all are ready`() async throws {
        try await TestEvaluator.run { evaluator in
            #expect(try await evaluator.send(.GET, "/healthz").text == #"{"status":"ok"}"#)
            #expect(try await evaluator.send(.GET, "/readyz").status == 503)
            func template(_ runtime: Runtime, _ state: TemplateStatus.State, _ detail: String)
                -> TemplateStatus
            {
                TemplateStatus(
                    runtime: runtime, state: state, interpreter: "3.11.7", parked: 4, running: 0,
                    restarts: 0, detail: detail)
            }
            evaluator.supervisor.setTemplates([
                template(.python, .ready, ""), template(.javascript, .starting, "warming up"),
            ])
            let waiting = try await evaluator.send(.GET, "/readyz")
            #expect(waiting.status == 503)
            #expect(waiting.text.contains("warming up"))
            evaluator.supervisor.setTemplates([template(.python, .ready, "")])
            let ready = try await evaluator.send(.GET, "/readyz")
            #expect(ready.status == 200)
            #expect(
                ready.text
                    == #"{"protections":[{"how":"a test","name":"seccomp","status":"enforced"}],"#
                    + #""ready":true,"templates":[{"interpreter":"3.11.7","parked":4,"restarts":0,"#
                    + #""runtime":"python","state":"ready"}],"version":"0.1.0"}"#)
        }
    }

    @Test func `the OpenAPI document has exactly the routes there are, and no dangling reference`()
        async throws
    {
        try await TestEvaluator.run { evaluator in
            let answer = try await evaluator.send(.GET, "/openapi.json")
            #expect(answer.contentType == "application/json")
            let document = try answer.object()
            #expect(document["openapi"] as? String == "3.1.0")
            let paths = try #require(document["paths"] as? [String: [String: Any]])
            let described = paths.mapValues { path in
                Set(path.keys.filter { $0 != "parameters" }.map { $0.uppercased() })
            }
            let routes = Dictionary(
                uniqueKeysWithValues: Routes.methods.map {
                    ($0.path, Set($0.methods).subtracting(["HEAD"]))
                })
            #expect(described == routes)
            let references = answer.text.matches(of: /"\$ref": "#\/([^"]+)"/).map { String($0.1) }
            #expect(references.count > 50)
            for reference in Set(references) {
                var node: Any? = document
                for part in reference.split(separator: "/") {
                    node = (node as? [String: Any])?[String(part)]
                }
                #expect(node != nil, "\(reference)")
            }
        }
    }

    @Test func `calls are listed by function and state, without stacks, and their logs read`()
        async throws
    {
        try await TestEvaluator.run { evaluator in
            for name in ["f", "g"] { try await evaluator.register(name) }
            let failure = CallFailure(cause: .handlerError, message: "no", stack: ["line 1"])
            evaluator.supervisor.answer { request in
                CallReply(
                    result: request.function == "g" ? .failed(failure) : .completed(request.event),
                    runMs: 1)
            }
            var ids: [String] = []
            for name in ["f", "f", "g"] {
                let answer = try await evaluator.send(.POST, "/v1/functions/\(name)/invoke", "1")
                ids.append(try #require(answer.headers.first(name: "cloister-call-id")))
                // Waits for the report.
                #expect(try await evaluator.send(.GET, "/v1/calls/\(ids.last ?? "")").status == 200)
            }
            func list(_ query: String) async throws -> [String] {
                let page = try await evaluator.send(.GET, "/v1/calls?\(query)").object()
                let calls = try #require(page["calls"] as? [[String: Any]])
                #expect(calls.allSatisfy { $0["stack"] == nil })
                return calls.compactMap { $0["id"] as? String }
            }
            #expect(try await list("") == ids.reversed())
            #expect(try await list("function=f") == [ids[1], ids[0]])
            #expect(try await list("state=failed") == [ids[2]])
            #expect(try await list("function=f&state=failed") == [])
            #expect(try await list("limit=1&function=f") == [ids[1]])
            let record = try await evaluator.send(.GET, "/v1/calls/\(ids[0])").object()
            #expect(
                Set(record.keys) == [
                    "id", "function", "version", "runtime", "state", "queuedAt", "startedAt",
                    "endedAt",
                    "queueMs", "startMs", "initMs", "runMs", "cpuMs", "peakMemoryBytes", "bytesIn",
                    "bytesOut", "logBytes", "logTruncated", "limits", "template",
                ])
            #expect(record["startedAt"] as? String == "2023-11-14T22:13:20.000Z")
            #expect(
                try await evaluator.send(.GET, "/v1/calls/\(ids[0])/logs").text
                    == #"{"lines":[{"time":"2023-11-14T22:13:20.001Z","call":"\#(ids[0])","#
                    + #""function":"f","stream":"stdout","text":"hello"}],"truncated":false}"#)
            try await evaluator.send(.GET, "/v1/calls/nonsense").expectProblem(404, "not-found")
            try await evaluator.send(.GET, "/v1/calls/nonsense/logs").expectProblem(
                404, "not-found")
            try await evaluator.send(.GET, "/v1/calls?state=gone").expectProblem(400, "bad-request")
        }
    }

    @Test func `times are written in UTC to the millisecond`() {
        #expect(Timestamp.text(0) == "1970-01-01T00:00:00.000Z")
        #expect(Timestamp.text(951_827_696_789) == "2000-02-29T12:34:56.789Z")
        #expect(Timestamp.text(-1) == "1969-12-31T23:59:59.999Z")
        #expect(Timestamp.text(4_102_444_799_999) == "2099-12-31T23:59:59.999Z")
        #expect(Timestamp.text(1_709_251_200_001) == "2024-03-01T00:00:00.001Z")
    }
}
