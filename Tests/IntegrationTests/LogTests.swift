import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

/// Logs across calls: searched, and followed as they are printed.
@Suite struct LogTests {
    private static let code = """
        import time
        def handler(event, context):
            print("DEBUG: begins", event["name"])
            print('{"level": "warn", "big": 12345678901234567890, "b": {"a": [1, null]}}')
            time.sleep(event.get("sleep", 0))
            print("plain Ünïcode")
            if event.get("fails"):
                raise ValueError("no")
        """

    private func lines(_ evaluator: TestEvaluator, _ query: String) async throws -> [JSON] {
        let answer = try await evaluator.get("/v1/logs?\(query)")
        #expect(answer.status == 200, "\(answer.text)")
        return try answer.json["lines"]?.array ?? []
    }

    @Test func `lines are found by function, call, level, text and time, a page after the other`()
        async throws
    {
        let evaluator = try await SharedEvaluator.get()
        for name in ["log-a", "log-b"] {
            try await evaluator.register(name, "python", Self.code)
        }
        var calls: [String] = []
        for number in 0..<12 {
            let name = number % 3 == 0 ? "log-b" : "log-a"
            calls.append(
                try await evaluator.invoke(name, #"{"name": "n\#(number)"}"#).callID)
        }
        // Their reports follow the answers.
        for id in calls { _ = try await evaluator.get("/v1/calls/\(id)") }
        let all = try await lines(evaluator, "function=log-a")
        #expect(all.count == 24)
        #expect(all.first?["call"]?.string == calls[11])
        #expect(all.first?["text"]?.string == "plain Ünïcode")
        #expect(all.allSatisfy { $0["function"]?.string == "log-a" })
        for query in ["limit=5", "limit=1", "limit=24", "limit=1000"] {
            var paged: [JSON] = []
            var cursor: String? = ""
            while let next = cursor {
                let page = try await evaluator.get(
                    "/v1/logs?function=log-a&\(query)\(next.isEmpty ? "" : "&cursor=\(next)")"
                ).json
                paged += page["lines"]?.array ?? []
                cursor = page["nextCursor"]?.string
            }
            #expect(paged == all, "\(query)")
        }
        #expect(try await lines(evaluator, "call=\(calls[4])").count == 3)
        #expect(try await lines(evaluator, "function=log-a&level=warn").count == 8)
        #expect(try await lines(evaluator, "function=log-a&level=info").count == 16)
        #expect(try await lines(evaluator, "function=log-a&level=error").isEmpty)
        #expect(try await lines(evaluator, "function=log-a&text=BEGINS%20N4").count == 1)
        #expect(try await lines(evaluator, "function=log-a&until=2020-01-01T00:00:00Z").isEmpty)
        let since = try #require(all[11]["time"]?.string)
        let later = try await lines(evaluator, "function=log-a&since=\(since)")
        #expect((12...24).contains(later.count))
        #expect(later.allSatisfy { ($0["time"]?.string ?? "") >= since })
        // A line that is an object keeps its fields, to the last digit.
        let text = try await evaluator.get("/v1/logs?call=\(calls[4])&level=warn").text
        #expect(
            text.contains(
                #""fields":{"level": "warn", "big": 12345678901234567890, "b": {"a": [1, null]}}"#),
            "\(text)")
        func cursor(_ key: String) -> String {
            "cursor="
                + Data("l\(key)".utf8).base64EncodedString()
                .replacingOccurrences(of: "=", with: "")
        }
        for bad in [
            cursor("\(calls[4])/A -1"), cursor("\(calls[4])/A x"), cursor("x 1"), cursor("~ 1"),
            cursor("\(calls[4])/A 99999999999999999999"), cursor("\(calls[4])_A 1"), "level=loud",
            "since=yesterday", "cursor=abc", "limit=0", "follow=1",
            "function=a&function=b",
        ] {
            #expect(try await evaluator.get("/v1/logs?\(bad)").status == 400, "\(bad)")
        }
    }

    @Test func `lines are followed while a call still runs, with its end, and across calls`()
        async throws
    {
        let evaluator = try await SharedEvaluator.get()
        try await evaluator.put(
            "log-live",
            [
                "runtime": "python", "code": Self.code, "timeoutMs": Int(20_000 * timeFactor),
                "async": ["attempts": 2, "backoffMs": 10],
            ])
        try await evaluator.register("log-other", "python", Self.code)
        var request = HTTPClientRequest(
            url: evaluator.endpoint + "/v1/logs?function=log-live&level=info")
        request.headers.add(name: "accept", value: "text/event-stream")
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(120))
        #expect(response.headers.first(name: "content-type") == "text/event-stream")
        var chunks = response.body.makeAsyncIterator()
        var text = ""
        func readUntil(_ expected: String) async throws {
            while !text.contains(expected), let chunk = try await chunks.next() {
                text += String(buffer: chunk)
            }
            #expect(text.contains(expected), "\(text)")
        }
        try await readUntil(": following\n\n")
        _ = try await evaluator.invoke("log-other", #"{"name": "other"}"#)
        let running = Task {
            try await evaluator.invoke("log-live", #"{"name": "first", "sleep": 3}"#)
        }
        try await readUntil(#""level":"warn""#)
        // The call has not ended, and what it has printed can be read elsewhere too.
        let call = try await evaluator.get("/v1/calls?function=log-live&limit=1").json["calls"]?[0]
        #expect(call?["state"]?.string == "running")
        let id = try #require(call?["id"]?.string)
        let soFar = try await evaluator.get("/v1/calls/\(id)/logs").json["lines"]?.array
        #expect(soFar?.count == 2)
        _ = try await running.value
        try await readUntil("event: end\ndata: {\"call\":\"\(id)\"")
        let second = try await evaluator.submit("log-live", #"{"name": "x", "fails": true}"#).callID
        _ = try await evaluator.ended(second)
        try await readUntil(#""attempt":2"#)
        try await readUntil(
            "data: {\"call\":\"\(second)\",\"function\":\"log-live\",\"state\":\"failed\","
                + "\"cause\":\"handler_error\"}")
        // Those that end in the queue are told of as well.
        try await evaluator.put(
            "log-live",
            [
                "runtime": "python", "code": Self.code, "timeoutMs": Int(20_000 * timeFactor),
                "concurrency": 1,
            ])
        let slow = try await evaluator.submit("log-live", #"{"name": "y", "sleep": 15}"#).callID
        let queued = try await evaluator.submit("log-live", #"{"name": "z"}"#).callID
        for id in [queued, slow] {
            #expect(try await evaluator.send("DELETE", "/v1/calls/\(id)").status == 200)
            try await readUntil(
                "data: {\"call\":\"\(id)\",\"function\":\"log-live\",\"state\":\"cancelled\"")
        }
        #expect(!text.contains("begins"))
        #expect(!text.contains("log-other"))
    }

    @Test func `followers do not keep an evaluator from stopping`() async throws {
        let evaluator = try await TestEvaluator()
        var request = HTTPClientRequest(url: evaluator.endpoint + "/v1/logs")
        request.headers.add(name: "accept", value: "text/event-stream")
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        // One that is told it follows is among those that are ended; an earlier one gets nothing to read.
        var events = response.body.makeAsyncIterator()
        let first = try #require(try await events.next())
        #expect(String(buffer: first).hasPrefix(": following"))
        let clock = ContinuousClock()
        let pause = try await clock.measure { try await evaluator.stop() }
        #expect(pause < .seconds(10) * timeFactor, "\(pause)")
        // The stream ends as one that is complete: a connection that breaks off would throw here.
        while try await events.next() != nil {}
    }
}
