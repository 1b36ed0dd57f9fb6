import Foundation
import TestSupport
import Testing

/// Asynchronous calls on a real evaluator: accepted, retried, dead, replayed, cancelled.
@Suite struct AsyncCallTests {
    private static let code = """
        import time
        def handler(event, context):
            print("attempt")
            time.sleep(event.get("sleep", 0))
            if event.get("fails"):
                raise ValueError("as asked")
            return event
        """

    private func put(
        _ evaluator: TestEvaluator, _ name: String, _ async: [String: Any] = [:],
        _ more: [String: Any] = [:]
    ) async throws {
        var fields: [String: Any] = [
            "runtime": "python", "code": Self.code, "timeoutMs": Int(20_000 * timeFactor),
            "async": async,
        ]
        fields.merge(more) { _, new in new }
        try await evaluator.put(name, fields)
    }

    @Test func `a call is accepted, runs, and its result is there to be fetched`() async throws {
        let evaluator = try await SharedEvaluator.get()
        try await put(evaluator, "async-echo")
        let accepted = try await evaluator.submit("async-echo", #"{"a": [1, 2]}"#)
        #expect(accepted.status == 202, "\(accepted.text)")
        #expect(accepted.headers["location"] == "/v1/calls/\(accepted.callID)")
        #expect(accepted.headers["preference-applied"] == "respond-async")
        #expect(try accepted.json["state"]?.string == "queued")
        let record = try await evaluator.ended(accepted.callID)
        #expect(record["state"]?.string == "completed", "\(record)")
        #expect(record["attempt"]?.int == 1)
        #expect(record["dead"] == nil && record["attempts"] == nil)
        for time in ["queuedAt", "startedAt", "endedAt"] { #expect(record[time]?.string != nil) }
        let result = try await evaluator.get("/v1/calls/\(accepted.callID)/result")
        #expect(result.status == 200 && result.text.contains("[1, 2]"), "\(result.text)")
        let sync = try await evaluator.invoke("async-echo")
        #expect(try await evaluator.get("/v1/calls/\(sync.callID)/result").status == 404)
    }

    @Test func `a failing call is retried, then dead, and can be replayed once`() async throws {
        let evaluator = try await SharedEvaluator.get()
        try await put(evaluator, "async-fail", ["attempts": 3, "backoffMs": 20])
        let id = try await evaluator.submit("async-fail", #"{"fails": true}"#).callID
        let record = try await evaluator.ended(id)
        #expect(record["state"]?.string == "failed")
        #expect(record["cause"]?.string == "handler_error")
        #expect(record["dead"]?.bool == true)
        #expect(record["attempt"]?.int == 3)
        let earlier = record["attempts"]?.array ?? []
        #expect(earlier.map { $0["attempt"]?.int } == [1, 2])
        #expect(earlier.allSatisfy { $0["cause"]?.string == "handler_error" })
        #expect(earlier.allSatisfy { $0["startedAt"] != nil && $0["endedAt"] != nil })
        let lines = try await evaluator.get("/v1/calls/\(id)/logs").json["lines"]?.array ?? []
        #expect(lines.map { $0["attempt"]?.int ?? 1 } == [1, 2, 3])
        let answer = try await evaluator.get("/v1/calls/\(id)/result")
        #expect(answer.status == 502 && answer.text.contains("as asked"))
        let dead = try await evaluator.get("/v1/calls?dead=true&function=async-fail").json
        #expect(dead["calls"]?.array?.map { $0["id"]?.string } == [id])

        let replay = try await evaluator.send("POST", "/v1/calls/\(id)/replay")
        #expect(replay.status == 202, "\(replay.text)")
        #expect(try replay.json["replayOf"]?.string == id)
        #expect(try await evaluator.ended(replay.callID)["dead"]?.bool == true)
        let letter = try await evaluator.get("/v1/calls/\(id)").json
        #expect(letter["dead"] == nil)
        #expect(letter["replayedAs"]?.string == replay.callID)
        let again = try await evaluator.send("POST", "/v1/calls/\(id)/replay")
        #expect(again.status == 409 && again.text.contains(replay.callID), "\(again.text)")
    }

    @Test func `only the causes that are named are retried`() async throws {
        let evaluator = try await SharedEvaluator.get()
        try await put(
            evaluator, "async-once", ["attempts": 5, "backoffMs": 20, "retryOn": ["crashed"]])
        let id = try await evaluator.submit("async-once", #"{"fails": true}"#).callID
        let record = try await evaluator.ended(id)
        #expect(record["attempt"]?.int == 1 && record["dead"]?.bool == true, "\(record)")
    }

    @Test func `a call that waits or runs is cancelled, and not tried again`() async throws {
        let evaluator = try await SharedEvaluator.get()
        try await put(
            evaluator, "async-cancel", ["attempts": 3, "backoffMs": 20], ["concurrency": 1])
        let first = try await evaluator.submit("async-cancel", #"{"sleep": 15}"#).callID
        let second = try await evaluator.submit("async-cancel", #"{"sleep": 15}"#).callID
        try await until {
            try await evaluator.get("/v1/calls/\(first)").json["state"]?.string == "running"
        }
        let waiting = try await evaluator.get("/v1/calls/\(second)").json["waiting"]
        #expect(waiting?["place"]?.int == 1, "\(String(describing: waiting))")
        #expect(waiting?["message"]?.string != nil)
        for id in [second, first] {
            let answer = try await evaluator.send("DELETE", "/v1/calls/\(id)")
            #expect(answer.status == 200, "\(answer.text)")
            let record = try await evaluator.ended(id)
            #expect(record["state"]?.string == "cancelled", "\(record)")
            #expect(record["dead"] == nil)
            #expect(try await evaluator.send("DELETE", "/v1/calls/\(id)").status == 409)
        }
        #expect(try await evaluator.get("/v1/calls/\(second)").json["startedAt"] == nil)
    }

    @Test func `a cancel in any moment says truly whether it was in time`() async throws {
        let evaluator = try await SharedEvaluator.get()
        try await put(evaluator, "async-race", ["attempts": 1], ["concurrency": 2])
        var answers: [Int: Int] = [:]
        for number in 0..<120 {
            let id = try await evaluator.submit("async-race").callID
            try await Task.sleep(for: .microseconds(number * 150))
            let answer = try await evaluator.send("DELETE", "/v1/calls/\(id)")
            let state = try await evaluator.ended(id)["state"]?.string
            #expect(answer.status == (state == "cancelled" ? 200 : 409), "\(answer.text) \(id)")
            answers[answer.status, default: 0] += 1
        }
        // Neither always too early nor always too late, or nothing was tested.
        #expect(answers.count == 2, "\(answers)")
    }

    @Test func `a function's own limit holds for calls of both kinds`() async throws {
        let evaluator = try await SharedEvaluator.get()
        try await put(evaluator, "async-limit", [:], ["concurrency": 2])
        var ids: [String] = []
        for _ in 0..<6 {
            ids.append(try await evaluator.submit("async-limit", #"{"sleep": 0.2}"#).callID)
        }
        try await withThrowingTaskGroup { group in
            for _ in 0..<4 {
                group.addTask { try await evaluator.invoke("async-limit", #"{"sleep": 0.2}"#) }
            }
            try await group.waitForAll()
        }
        for id in ids { #expect(try await evaluator.ended(id)["state"]?.string == "completed") }
        let calls = try await evaluator.get("/v1/calls?function=async-limit").json["calls"]?.array
        let times = try (calls ?? []).flatMap { call in
            // A call's place is free when its answer is in; its end is noted when its cell is gone.
            let start = try time(call["startedAt"])
            let parts = ["startMs", "initMs", "runMs"].map { call[$0]?.number ?? 0 }
            return [(start, 1), (start + parts.reduce(0, +) / 1000 - 0.002, -1)]
        }
        #expect(times.count == 20)
        var running = 0
        for (_, change) in times.sorted(by: { ($0.0, $0.1) < ($1.0, $1.1) }) {
            running += change
            #expect(running <= 2)
        }
    }

    @Test func `a call that grew too old is over, and is a dead letter`() async throws {
        try await TestEvaluator.with(["--slots", "1"]) { evaluator in
            try await put(evaluator, "slow")
            try await put(evaluator, "old", ["maxAgeMs": 1000], ["concurrency": 1])
            let slow = try await evaluator.submit("old", #"{"sleep": 4}"#).callID
            try await until {
                try await evaluator.get("/v1/calls/\(slow)").json["state"]?.string == "running"
            }
            let old = try await evaluator.submit("old").callID
            let record = try await evaluator.ended(old)
            #expect(record["state"]?.string == "failed")
            #expect(record["cause"]?.string == "expired")
            #expect(record["dead"]?.bool == true)
            #expect(record["attempt"]?.int == 0)
        }
    }

    @Test func `a call grows too old behind one that somebody waits for, too`() async throws {
        let evaluator = try await SharedEvaluator.get()
        try await put(evaluator, "behind", ["maxAgeMs": 1000], ["concurrency": 1])
        let first = Task { try await evaluator.invoke("behind", #"{"sleep": 5}"#) }
        try await until {
            try await evaluator.get("/v1/calls?function=behind&state=running").json["calls"]?[0]
                != nil
        }
        let old = try await evaluator.submit("behind").callID
        let record = try await evaluator.ended(old)
        #expect(record["cause"]?.string == "expired", "\(record)")
        #expect(record["dead"]?.bool == true && record["startedAt"] == nil, "\(record)")
        #expect(try await first.value.status == 200)
    }

    @Test func `an event that breaks off is told to its sender alone`() async throws {
        try await TestEvaluator.with { evaluator in
            let name = try await evaluator.register(
                nil, "python", "def handler(event, context): return event")
            let connection = try KeepAliveConnection(evaluator.endpoint)
            try connection.send(name, "[1", length: 100)
            connection.finish()
            #expect(try connection.receive() == 400)
            let calls = try await evaluator.get("/v1/calls?function=\(name)").json["calls"]?.array
            #expect(calls?.isEmpty == true)
            #expect(!evaluator.errorOutput.contains("failed"), "\(evaluator.errorOutput)")
        }
    }

    @Test func `a client that hangs up cancels its call, unless it asked not to`() async throws {
        let evaluator = try await SharedEvaluator.get()
        try await put(evaluator, "hang-up")
        for (headers, state) in [
            ([], "cancelled"), ([("Prefer", "continue-on-disconnect")], "completed"),
        ] {
            let answer = try? await evaluator.send(
                "POST", "/v1/functions/hang-up/invoke", body: Data(#"{"sleep": 3}"#.utf8),
                headers: headers, seconds: 1)
            #expect(answer == nil)
            let calls = try await evaluator.get("/v1/calls?function=hang-up&limit=1").json["calls"]
            let id = try #require(calls?[0]?["id"]?.string)
            #expect(try await evaluator.ended(id)["state"]?.string == state)
        }
    }

    @Test(arguments: [
        (#"{"attempts": 0}"#, "async.attempts"), (#"{"attempts": "3"}"#, "async.attempts"),
        (#"{"backoffMs": 1}"#, "async.backoffMs"), (#"{"maxAgeMs": 10}"#, "async.maxAgeMs"),
        (#"{"retryOn": ["bad"]}"#, "async.retryOn"),
        (#"{"retryOn": ["cancelled"]}"#, "async.retryOn"),
        (#"{"retries": 1}"#, "async.retries"), ("7", "async"),
        (#"{"webhookSecret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}"#, "async.webhookSecret"),
        (#"{"onSuccess": "http://example.org/"}"#, "async"),
    ]) func `settings that cannot be are refused by name`(_ async: String, _ field: String)
        async throws
    {
        let evaluator = try await SharedEvaluator.get()
        let answer = try await evaluator.send(
            "PUT", "/v1/functions/refused",
            body: Data(#"{"runtime": "python", "code": "x = 1", "async": \#(async)}"#.utf8))
        #expect(answer.status == 400)
        #expect(try answer.json["field"]?.string == field, "\(answer.text)")
    }

    private func time(_ text: JSON?) throws -> Date {
        try Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text?.string ?? "")
    }
}

/// Waits until something has come about.
func until(seconds: Double = 30, _ condition: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(seconds) * timeFactor
    while try await !condition() {
        guard ContinuousClock.now < end else {
            throw TestEvaluator.Failure(description: "it did not come about in \(seconds) s")
        }
        try await Task.sleep(for: .milliseconds(10))
    }
}
