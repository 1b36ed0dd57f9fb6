import Foundation
import TestSupport
import Testing

/// What clients may take of the evaluator: connections, time, and memory for what comes and goes.
struct BoundsTests {
    /// Resident memory of an evaluator, in megabytes.
    private func memory(_ evaluator: TestEvaluator) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(evaluator.pid)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
        return try #require(Int(line.split(whereSeparator: \.isWhitespace)[1])) / 1024
    }

    private func upload(
        _ evaluator: TestEvaluator, _ megabytes: Int, name: String
    ) throws -> RawConnection {
        let connection = try RawConnection(evaluator.endpoint)
        try connection.send(
            "PUT /v1/functions/\(name) HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                + "Content-Length: \(megabytes << 20)\r\n\r\n")
        return connection
    }

    @Test
    func `bodies that stop short take the memory that there is for them, and events still come`()
        async throws
    {
        try await TestEvaluator.with(["--body-megabytes", "64"]) { evaluator in
            let before = try memory(evaluator)
            // No JSON from its first byte, so that to check it takes no time.
            let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
            var refused = 0
            var open: [RawConnection] = []
            for index in 0..<8 {
                let connection = try upload(evaluator, 24, name: "u\(index)")
                // All but the last byte.
                for _ in 0..<23 { try? connection.send(piece) }
                try? connection.send(Array(piece.dropLast()))
                open.append(connection)
            }
            // Three quarters of 64 MiB are two bodies of 24 MiB.
            #expect(try memory(evaluator) - before < 120)
            let name = try await evaluator.register(
                nil, "python", "def handler(e, c): return len(e)")
            let event = "\"" + String(repeating: "x", count: 1 << 20) + "\""
            #expect(try await evaluator.invoke(name, event).status == 200)
            for connection in open {
                try? connection.send("x")
                let answer = try connection.receive()
                if answer.status == 503 {
                    refused += 1
                    #expect(answer.headers["retry-after"] == "5")
                    #expect(answer.text.contains("problems/overloaded"))
                } else {
                    // It came whole, and is no JSON.
                    #expect(answer.status == 400)
                }
            }
            #expect(refused == 6)
            // Their room is free again.
            let again = try upload(evaluator, 24, name: "again")
            for _ in 0..<24 { try again.send(piece) }
            #expect(try again.receive().status == 400)
        }
    }

    @Test func `a request that comes too slowly is ended, however much of it came quickly`()
        async throws
    {
        try await TestEvaluator.with(["--request-seconds", "2"]) { evaluator in
            let slow = try upload(evaluator, 1, name: "slow")
            let stopped = try upload(evaluator, 2, name: "stopped")
            try stopped.send([UInt8](repeating: 32, count: 1 << 20))
            // Of this one nothing but the head is ever read: it is answered at once.
            let unread = try RawConnection(evaluator.endpoint)
            try unread.send(
                "POST /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n")
            #expect(try unread.receive().status == 404)
            let steady = try upload(evaluator, 1, name: "steady")
            let end = ContinuousClock.now + .seconds(8 * timeFactor)
            var sent = 0
            while ContinuousClock.now < end {
                // More than 10 kB a second, for longer than two seconds.
                if sent < 1 << 20 {
                    let count = min(16 << 10, 1 << 20 - sent)
                    try steady.send([UInt8](repeating: 32, count: count))
                    sent += count
                }
                try? slow.send(" ")
                try? unread.send(" ")
                try await Task.sleep(for: .milliseconds(100))
            }
            for connection in [slow, stopped] {
                let answer = try connection.receive()
                #expect(answer.status == 408 && answer.text.contains("problems/request-timeout"))
                #expect(answer.headers["connection"] == "close")
                #expect(try connection.isClosed())
            }
            #expect(try unread.isClosed())
            if sent < 1 << 20 { try steady.send([UInt8](repeating: 32, count: 1 << 20 - sent)) }
            #expect(try steady.receive().status == 400)
        }
    }

    @Test func `answers that are not read are kept up to a bound`() async throws {
        try await TestEvaluator.with(["--answer-megabytes", "32"]) { evaluator in
            let name = try await evaluator.register(
                nil, "python", "def handler(e, c): return 'x' * (5 << 20)",
                settings: ["memoryMB": 256, "timeoutMs": 20_000])
            #expect(try await evaluator.invoke(name).status == 200)
            let before = try memory(evaluator)
            var unread: [RawConnection] = []
            for _ in 0..<40 {
                let connection = try RawConnection(evaluator.endpoint, receiveBytes: 4096)
                try connection.send(
                    "POST /v1/functions/\(name)/invoke HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}"
                )
                unread.append(connection)
                if unread.count.isMultiple(of: 8) {
                    // A client that reads is never in the way, and its call comes after theirs.
                    let answer = try await evaluator.invoke(name)
                    #expect(answer.status == 200, "\(answer.text.prefix(300))")
                }
            }
            #expect(try await evaluator.invoke(name).status == 200)
            #expect(try memory(evaluator) - before < 120)
        }
    }

    @Test func `idle connections make room for new clients`() async throws {
        try await TestEvaluator.with(["--connections", "40"]) { evaluator in
            var idle: [RawConnection] = []
            for _ in 0..<200 { idle.append(try RawConnection(evaluator.endpoint)) }
            for _ in 0..<20 {
                let connection = try RawConnection(evaluator.endpoint)
                try connection.send("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                #expect(try connection.receive().status == 200)
                idle.append(connection)
            }
            let files = try FileManager.default.contentsOfDirectory(
                atPath: "/proc/\(evaluator.pid)/fd")
            let sockets = files.filter {
                (try? FileManager.default.destinationOfSymbolicLink(
                    atPath: "/proc/\(evaluator.pid)/fd/\($0)"))?.hasPrefix("socket:") == true
            }
            #expect(sockets.count < 150)
            // One that waits for an answer is left alone.
            let name = try await evaluator.register(
                nil, "python", "import time\ndef handler(e, c):\n    time.sleep(2)\n    return 1")
            let waiting = try RawConnection(evaluator.endpoint)
            try waiting.send(
                "POST /v1/functions/\(name)/invoke HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\n\r\n1"
            )
            for _ in 0..<100 { idle.append(try RawConnection(evaluator.endpoint)) }
            #expect(try waiting.receive().text == "1")
        }
    }

    @Test func `a low soft limit of open files is raised`() async throws {
        let evaluator = try await TestEvaluator(
            wrapper: ["/bin/sh", "-c", "ulimit -Sn 256; exec \"$0\" \"$@\""])
        try await evaluator.waitUntilReady()
        let limits = try String(contentsOfFile: "/proc/\(evaluator.pid)/limits", encoding: .utf8)
        let line = try #require(
            limits.split(separator: "\n").first { $0.hasPrefix("Max open files") })
        let numbers = line.split(separator: " ").compactMap { Int($0) }
        #expect(numbers.count == 2 && numbers[0] == numbers[1])
        try await evaluator.stop()
    }

    @Test func `a body in a million pieces is refused`() async throws {
        let evaluator = try await SharedEvaluator.get()
        let name = try await evaluator.register(nil, "python", "def handler(e, c): return 1")
        let connection = try RawConnection(evaluator.endpoint)
        try connection.send(
            "POST /v1/functions/\(name)/invoke HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        let pieces = Array(String(repeating: "1\r\n \r\n", count: 5000).utf8)
        for _ in 0..<20 { try? connection.send(pieces) }
        let answer = try connection.receive()
        #expect(answer.status == 400 && answer.text.contains("pieces"))
        // Pieces of a sensible size are taken.
        let usual = try RawConnection(evaluator.endpoint)
        try usual.send(
            "POST /v1/functions/\(name)/invoke HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for _ in 0..<8000 {
            try usual.send("100\r\n" + String(repeating: " ", count: 256) + "\r\n")
        }
        try usual.send("1\r\n1\r\n0\r\n\r\n")
        #expect(try usual.receive().status == 200)
    }

    @Test func `a body is not asked for where there is no function`() async throws {
        let evaluator = try await SharedEvaluator.get()
        for path in [
            "/v1/functions/none/invoke", "/2015-03-31/functions/none/invocations",
            "/lambda-url/none/", "/2015-03-31/functions/none/code",
        ] {
            let method = path.hasSuffix("code") ? "PUT" : "POST"
            let connection = try RawConnection(evaluator.endpoint)
            try connection.send(
                "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 6000000\r\n"
                    + "Expect: 100-continue\r\n\r\n")
            // Nothing but the head was sent.
            let expected = path.hasPrefix("/lambda-url") ? 403 : 404
            #expect(try connection.receive().status == expected, "\(path)")
        }
        let name = try await evaluator.register(nil, "python", "def handler(e, c): return e")
        let connection = try RawConnection(evaluator.endpoint)
        try connection.send(
            "POST /v1/functions/\(name)/invoke HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\n"
                + "Expect: 100-continue\r\n\r\n")
        // Only after the 100 does a client send.
        try connection.send("5")
        #expect(try connection.receive().text == "5")
    }
}
