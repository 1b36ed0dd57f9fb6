import ExecutorSupervisor
import Foundation
import NIOCore
import NIOHTTP1
import Synchronization
import Testing

@testable import Evaluator

struct HTTPInvokeTests {
    @Test func `a completed call answers with the handler's bytes as they are`() async throws {
        try await TestEvaluator.run { evaluator in
            try await evaluator.register("f")
            let event = "  {\"a\" : [1.50, \"é\\u00e9\"]}\n"
            let answer = try await evaluator.send(.POST, "/v1/functions/f/invoke", event)
            #expect(answer.status == 200)
            #expect(answer.text == event)
            #expect(answer.contentType == "application/json")
            #expect(answer.headers.first(name: "cloister-call-state") == "completed")
            #expect(answer.headers.first(name: "cloister-run-ms") == "1.235")
            let request = try #require(evaluator.supervisor.requests.first)
            #expect(answer.headers.first(name: "cloister-call-id") == request.id)
            #expect(request.function == "f")
            #expect(request.version == 1)
            #expect(request.handler == "index.handler")
            #expect(request.limits == CallLimits(timeoutMs: 3000, memoryMB: 128, tmpMB: 16))
            #expect(request.bundle.count == 64)
        }
    }

    @Test func `an empty body is null, and content types that curl sends are taken`() async throws {
        try await TestEvaluator.run { evaluator in
            try await evaluator.register("f")
            #expect(try await evaluator.send(.POST, "/v1/functions/f/invoke").text == "null")
            for type in [
                "application/json", "application/json; charset=utf-8",
                "application/x-www-form-urlencoded",
            ] {
                let answer = try await evaluator.send(
                    .POST, "/v1/functions/f/invoke", "1", headers: [("Content-Type", type)])
                #expect(answer.status == 200)
            }
            let answer = try await evaluator.send(
                .POST, "/v1/functions/f/invoke", "1", headers: [("Content-Type", "text/plain")])
            try answer.expectProblem(415, "unsupported-media-type")
        }
    }

    @Test func `events that are not JSON, too large or for nobody are refused before they run`()
        async throws
    {
        try await TestEvaluator.run { evaluator in
            try await evaluator.register("f")
            let path = "/v1/functions/f/invoke"
            let detail = try await evaluator.send(.POST, path, "{\n \"a\": tru}").expectProblem(
                400, "bad-request")
            #expect(detail.contains("line 2, column 7"))
            let largest = "\"" + String(repeating: "x", count: (6 << 20) - 2) + "\""
            #expect(try await evaluator.send(.POST, path, largest).status == 200)
            try await evaluator.send(.POST, path, largest + " ").expectProblem(
                413, "payload-too-large")
            try await evaluator.send(.POST, "/v1/functions/g/invoke", "1").expectProblem(
                404, "not-found")
            try await evaluator.send(.POST, path + "?version=2", "1").expectProblem(
                404, "not-found")
            for version in ["0", "-1", "+1", "x", "", "99999999999999999999"] {
                try await evaluator.send(.POST, path + "?version=\(version)", "1")
                    .expectProblem(400, "bad-request")
            }
            #expect(evaluator.supervisor.requests.count == 1)
        }
    }

    @Test(arguments: [
        (
            CallFailure(
                cause: .handlerError, message: "no", errorType: "ValueError", stack: ["a", "b"]),
            502, "call-failed", "ValueError: no"
        ),
        (CallFailure(cause: .outOfMemory, message: "too much"), 502, "call-failed", "too much"),
        (CallFailure(cause: .exited, message: "left", exitCode: 7), 502, "call-failed", "left"),
        (
            CallFailure(cause: .crashed, message: "broke", signal: "SIGSEGV"), 502, "call-failed",
            "broke"
        ),
        (CallFailure(cause: .wallTimeout, message: "late"), 504, "call-timed-out", "late"),
        (CallFailure(cause: .cancelled, message: "gone"), 499, "call-cancelled", "gone"),
    ])
    func `a call that did not complete answers with a problem and leaves a record`(
        failure: CallFailure, status: Int, slug: String, detail: String
    ) async throws {
        try await TestEvaluator.run { evaluator in
            try await evaluator.register("f")
            evaluator.supervisor.answer { _ in CallReply(result: .failed(failure), runMs: 2) }
            let answer = try await evaluator.send(.POST, "/v1/functions/f/invoke", "1")
            #expect(try answer.expectProblem(status, slug) == detail)
            let document = try answer.object()
            let id = try #require(answer.headers.first(name: "cloister-call-id"))
            #expect(answer.headers.first(name: "cloister-call-state") == failure.state.rawValue)
            #expect(answer.headers.first(name: "cloister-run-ms") == "2.0")
            #expect(document["callId"] as? String == id)
            // Directly after the answer, the record is the final one.
            let record = try await evaluator.send(.GET, "/v1/calls/\(id)").object()
            for part in [document, record] {
                #expect(part["state"] as? String == failure.state.rawValue)
                #expect(part["cause"] as? String == failure.cause.rawValue)
                #expect(part["message"] as? String == failure.message)
                #expect(part["errorType"] as? String == failure.errorType)
                #expect(part["stack"] as? [String] == (failure.stack.isEmpty ? nil : failure.stack))
                #expect(part["exitCode"] as? Int == failure.exitCode)
                #expect(part["signal"] as? String == failure.signal)
            }
            #expect(record["peakMemoryBytes"] as? Int == 1 << 20)
            #expect(record["cpuMs"] as? Double == 1.25)
        }
    }

    @Test func `a call that is not taken says when to come back, and leaves no record`()
        async throws
    {
        try await TestEvaluator.run { evaluator in
            try await evaluator.register("f")
            for (rejection, status, slug, retry) in [
                (.queueFull(retryAfterSeconds: 3), 429, "queue-full", "3"),
                (.notReady(runtime: .python, reason: "it starts"), 503, "not-ready", "1"),
                (.stopping, 503, "shutting-down", "5"),
            ] as [(CallRejection, Int, String, String)] {
                evaluator.supervisor.answer { _ in throw rejection }
                let answer = try await evaluator.send(.POST, "/v1/functions/f/invoke", "1")
                try answer.expectProblem(status, slug)
                #expect(answer.headers.first(name: "retry-after") == retry)
                #expect(answer.headers.first(name: "cloister-call-id") == nil)
            }
            #expect(try await evaluator.send(.GET, "/v1/calls").text == #"{"calls":[]}"#)
        }
    }

    @Test func `an error of the evaluator's own is told without its details`() async throws {
        struct Secret: Error {}
        try await TestEvaluator.run { evaluator in
            try await evaluator.register("f")
            evaluator.supervisor.answer { _ in throw Secret() }
            let answer = try await evaluator.send(.POST, "/v1/functions/f/invoke", "1")
            try answer.expectProblem(500, "internal-error")
            #expect(!answer.text.contains("Secret"))
        }
    }

    @Test func `a new version is what runs next, and a deleted function does not run`() async throws
    {
        try await TestEvaluator.run { evaluator in
            try await evaluator.register("f")
            let path = "/v1/functions/f/invoke"
            #expect(try await evaluator.send(.POST, path, "1").status == 200)
            _ = try await evaluator.send(
                .PUT, "/v1/functions/f", #"{"runtime": "python", "code": "y"}"#)
            #expect(try await evaluator.send(.POST, path, "1").status == 200)
            #expect(try await evaluator.send(.POST, path + "?version=1", "1").status == 200)
            #expect(evaluator.supervisor.requests.map(\.version) == [1, 2, 1])
            #expect(try await evaluator.send(.DELETE, "/v1/functions/f").status == 204)
            try await evaluator.send(.POST, path, "1").expectProblem(404, "not-found")
            try await evaluator.send(.POST, path + "?version=1", "1").expectProblem(
                404, "not-found")
        }
    }

    @Test func `a call whose client goes away is cancelled`() async throws {
        try await TestEvaluator.run { evaluator in
            try await evaluator.register("f")
            evaluator.supervisor.answer { [supervisor = evaluator.supervisor] request in
                for _ in 0..<500 where !supervisor.cancelledIDs.contains(request.id) {
                    try await Task.sleep(for: .milliseconds(10))
                }
                return CallReply(
                    result: .failed(
                        CallFailure(cause: .cancelled, message: "the client went away")),
                    runMs: 1)
            }
            let client = Task { try await evaluator.send(.POST, "/v1/functions/f/invoke", "1") }
            while evaluator.supervisor.requests.isEmpty {
                try await Task.sleep(for: .milliseconds(5))
            }
            client.cancel()
            _ = try? await client.value
            let id = try #require(evaluator.supervisor.requests.first?.id)
            for _ in 0..<300 where evaluator.supervisor.cancelledIDs.isEmpty {
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(evaluator.supervisor.cancelledIDs == [id])
        }
    }

    @Test func `while stopping, running calls finish and new ones are refused`() async throws {
        try await TestEvaluator.run { evaluator in
            try await evaluator.register("f")
            let release = Mutex(false)
            evaluator.supervisor.answer { request in
                for _ in 0..<500 where !release.withLock({ $0 }) {
                    try await Task.sleep(for: .milliseconds(10))
                }
                return CallReply(result: .completed(request.event), runMs: 1)
            }
            async let running = evaluator.send(.POST, "/v1/functions/f/invoke", "42")
            while evaluator.supervisor.requests.isEmpty {
                try await Task.sleep(for: .milliseconds(5))
            }
            evaluator.stop()
            // The port closes: a new connection is refused, or a kept one is answered with 503.
            var refused = false
            for _ in 0..<300 where !refused {
                do {
                    refused = try await evaluator.send(.GET, "/readyz").status == 503
                } catch {
                    refused = true
                }
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(refused)
            release.withLock { $0 = true }
            let answer = try await running
            #expect(answer.status == 200)
            #expect(answer.text == "42")
        }
    }
}
