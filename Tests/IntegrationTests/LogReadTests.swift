import Foundation
import TestSupport
import Testing

/// Reads of logs through both APIs: bounded, in both directions, and beside calls.
@Suite struct LogReadTests {
    private func pages(
        _ evaluator: TestEvaluator, _ stream: String, _ first: [String: Any], _ token: String
    ) async throws -> [[String]] {
        var pages: [[String]] = []
        var next: String?
        for _ in 0..<1000 {
            var fields: [String: Any] = [
                "logGroupName": "/aws/lambda/lines", "logStreamName": stream,
            ]
            fields.merge(first) { $1 }
            if let next { fields["nextToken"] = next }
            let answer = try await evaluator.logs("GetLogEvents", fields)
            #expect(answer.status == 200, "\(answer.text)")
            let events = try answer.json["events"]?.array ?? []
            let following = try answer.json[token]?.string
            if following == next { return pages }
            pages.append(events.compactMap { $0["message"]?.string })
            next = following
        }
        return pages
    }

    @Test func `a stream is read page by page, forward from its head and back from its end`()
        async throws
    {
        let evaluator = try await SharedEvaluator.get()
        try await evaluator.createLambda(
            "lines",
            "def handler(e, c):\n    for i in range(e):\n        print(c.aws_request_id, i)\n")
        for count in [3, 0, 12, 1, 40] {
            let answer = try await evaluator.invoke("lines", "\(count)")
            #expect(answer.status == 200)
            _ = try await evaluator.record(answer)
        }
        let streams = try await evaluator.logs(
            "DescribeLogStreams", ["logGroupName": "/aws/lambda/lines"])
        let stream = try #require(
            try streams.json["logStreams"]?[0]?["logStreamName"]?.string)
        let all = try await pages(
            evaluator, stream, ["startFromHead": true, "limit": 10_000], "nextForwardToken"
        ).flatMap { $0 }
        // Around what they print are three lines of each call.
        #expect(all.count == 56 + 3 * 5)
        #expect(all.first?.hasPrefix("START ") == true && all.last?.hasPrefix("REPORT ") == true)
        for limit in [1, 7, 10, 71] {
            let forward = try await pages(
                evaluator, stream, ["startFromHead": true, "limit": limit], "nextForwardToken")
            #expect(forward.allSatisfy { $0.count <= limit })
            #expect(forward.flatMap { $0 } == all, "\(limit)")
            let backward = try await pages(
                evaluator, stream, ["limit": limit], "nextBackwardToken")
            #expect(backward.allSatisfy { $0.count <= limit })
            #expect(backward.reversed().flatMap { $0 } == all, "\(limit)")
        }
        // The end's token goes on with what comes later.
        let end = try await evaluator.logs(
            "GetLogEvents",
            ["logGroupName": "/aws/lambda/lines", "logStreamName": stream, "limit": 5])
        #expect(
            try end.json["events"]?.array?.compactMap { $0["message"]?.string }
                == Array(all.suffix(5)))
        _ = try await evaluator.record(try await evaluator.invoke("lines", "2"))
        let later = try await evaluator.logs(
            "GetLogEvents",
            [
                "logGroupName": "/aws/lambda/lines", "logStreamName": stream,
                "nextToken": try #require(try end.json["nextForwardToken"]?.string),
            ])
        #expect(try later.json["events"]?.array?.count == 5)
        for bad in ["f/1", "x/y", "f/\(stream)/1", "b/", "f/01ARZ3NDEKTSV4RRFFQ69G5FAV/-1", ""] {
            let answer = try await evaluator.logs(
                "GetLogEvents",
                ["logGroupName": "/aws/lambda/lines", "logStreamName": stream, "nextToken": bad])
            #expect(answer.status == 400, "\(bad): \(answer.text)")
        }
    }

    @Test func `more searches than may wait are refused, and nothing else waits for them`()
        async throws
    {
        try await TestEvaluator.with { evaluator in
            try await evaluator.register(
                "lots", "python",
                "def handler(e, c):\n    for i in range(2500): print(str(i) * 25)\n",
                settings: ["timeoutMs": 20_000])
            try await evaluator.register("quick", "python", "def handler(e, c):\n    return e\n")
            for _ in 0..<30 { #expect(try await evaluator.invoke("lots").status == 200) }
            let searches = try (0..<60).map { number in
                let connection = try KeepAliveConnection(evaluator.endpoint)
                if number.isMultiple(of: 2) {
                    try connection.request("GET /v1/logs?text=zzqqzz", "")
                } else {
                    let body = #"{"logGroupName":"/aws/lambda/lots","filterPattern":"zzqqzz"}"#
                    try connection.request(
                        "POST /",
                        "X-Amz-Target: Logs_20140328.FilterLogEvents\r\n"
                            + "Content-Type: application/x-amz-json-1.1\r\n"
                            + "Content-Length: \(body.utf8.count)\r\n", body)
                }
                return connection
            }
            // Many of these are answered while searches run: on an event loop hardly any would be.
            var meanwhile = 0
            while !searches.allSatisfy(\.hasAnswer), meanwhile < 200 {
                #expect(try await evaluator.get("/healthz").status == 200)
                #expect(try await evaluator.invoke("quick").status == 200)
                #expect(try await evaluator.get("/v1/calls?limit=1").status == 200)
                meanwhile += 1
            }
            #expect(meanwhile > 20, "\(meanwhile)")
            let statuses = try searches.map { try $0.receive() }
            #expect(Set(statuses) == [200, 429], "\(statuses)")
            // What has run leaves room for others.
            #expect(try await evaluator.get("/v1/logs?text=zzqqzz").status == 200)
        }
    }

    @Test func `there are so many followers, and one that ends leaves room`() async throws {
        try await TestEvaluator.with { evaluator in
            func follow() throws -> (connection: KeepAliveConnection, status: Int) {
                let connection = try KeepAliveConnection(evaluator.endpoint)
                try connection.request("GET /v1/logs", "Accept: text/event-stream\r\n")
                return (connection, try connection.receiveHead())
            }
            var followers = try (0..<128).map { _ in try follow() }
            #expect(followers.allSatisfy { $0.status == 200 })
            let refused = try await evaluator.send(
                "GET", "/v1/logs", headers: [("Accept", "text/event-stream")])
            #expect(refused.status == 429, "\(refused.text)")
            #expect(try refused.json["type"]?.string?.hasSuffix("/too-many-reads") == true)
            #expect(refused.headers["retry-after"] != nil)
            followers.removeLast()
            // That a client went away is noticed when it is written to.
            try await evaluator.register("prints", "python", "def handler(e, c): print('x')\n")
            try await until {
                _ = try await evaluator.invoke("prints")
                return try follow().status == 200
            }
        }
    }
}
