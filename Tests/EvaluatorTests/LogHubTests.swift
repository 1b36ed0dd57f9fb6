import Foundation
import FunctionRegistry
import NIOCore
import Testing

@testable import Evaluator

/// Followers of logs: what is done for them, and how much of it.
struct LogHubTests {
    private func printed(
        _ texts: [String], function: String = "f", call: String = "c"
    ) -> LogHub.News {
        .printed(
            texts.map { CallLogLine(timeMs: 0, stream: .stdout, text: $0) }, call: call,
            function: function, attempt: 1)
    }

    private func next(_ following: LogFollowing?) async throws -> String {
        let piece = try #require(await following?.follower.next())
        return String(buffer: piece)
    }

    @Test func `a follower gets what matches, in order, with ends`() async throws {
        let hub = LogHub()
        let all = hub.follow(LogFilter())
        let some = hub.follow(LogFilter(function: "f", text: "B"))
        hub.publish(printed(["a", "b"]))
        hub.publish(printed(["b"], function: "g"))
        hub.publish(.ended(.init(call: "c", function: "f", state: "failed", cause: "crashed")))
        let end =
            "event: end\ndata: {\"call\":\"c\",\"function\":\"f\",\"state\":\"failed\","
            + "\"cause\":\"crashed\"}\n\n"
        let everything = try await read(all, until: end)
        #expect(
            everything.matches(of: /"function":"(.)".*?"text":"(.)"/).map { "\($0.1)\($0.2)" }
                == ["fa", "fb", "gb"])
        let matching = try await read(some, until: end)
        #expect(matching.matches(of: /"text":"(.)"/).map { "\($0.1)" } == ["b"])
        // What comes at once is handed on at once.
        for number in 0..<200 { hub.publish(printed(["\(number)"])) }
        var pieces = 0
        var text = ""
        while !text.contains("\"text\":\"199\"") {
            text += try await next(all)
            pieces += 1
        }
        #expect(text.matches(of: /event: line/).count == 200 && pieces < 100, "\(pieces)")
    }

    private func read(_ following: LogFollowing?, until end: String) async throws -> String {
        var text = ""
        while !text.hasSuffix(end) { text += try await next(following) }
        return text
    }

    @Test func `there are as many followers as may be, and one that is let go leaves room`()
        async throws
    {
        let hub = LogHub(limits: LogHub.Limits(followers: 2))
        var following = [hub.follow(LogFilter()), hub.follow(LogFilter(text: "x"))]
        #expect(hub.follow(LogFilter()) == nil)
        #expect(hub.isFollowed)
        following[1] = nil
        following[1] = hub.follow(LogFilter(text: "y"))
        #expect(following[1] != nil)
        following = []
        #expect(!hub.isFollowed)
        #expect(hub.follow(LogFilter()) != nil)
    }

    @Test func `what overflows the inbox is counted and told to every follower`() async throws {
        let hub = LogHub(limits: LogHub.Limits(inboxBytes: 10_000))
        let followings = [hub.follow(LogFilter()), hub.follow(LogFilter(text: "zz"))]
        // The thread that looks at news does nothing until this is over.
        let (hold, release) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        QuietThreads.following.run {
            hold.signal()
            release.wait()
        }
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                hold.wait()
                continuation.resume()
            }
        }
        // None of these waits for it.
        for _ in 0..<1000 { hub.publish(printed(["a", "b", "c"])) }
        release.signal()
        var lost = 0
        var lines = 0
        while lost + lines < 3000 {
            let text = try await next(followings[0])
            lines += text.components(separatedBy: "event: line\n").count - 1
            if let count = text.firstMatch(of: /"events":(\d+)/)?.1 { lost += Int(count) ?? 0 }
        }
        #expect(lost > 2900 && lost + lines == 3000)
        #expect(try await next(followings[1]).hasPrefix("event: lost\n"))
    }

    @Test func `a follower that does not read holds so many bytes, and is told what it missed`()
        async throws
    {
        let follower = LogFollower()
        let piece = ByteBuffer(repeating: 0x61, count: 100_000)
        for _ in 0..<100 { follower.take(piece, events: 5) }
        follower.close()
        var held = 0
        var events = 0
        while let bytes = await follower.next() {
            if bytes.readableBytes == piece.readableBytes {
                held += bytes.readableBytes
                events += 5
            } else {
                let text = String(buffer: bytes)
                events += Int(text.firstMatch(of: /"events":(\d+)/)?.1 ?? "") ?? 0
            }
        }
        #expect(held <= LogFollower.limit && held > LogFollower.limit / 2)
        #expect(events == 500)
    }

    @Test func `an event is written once, however many filters want it`() {
        var text = LogNewsText(printed(["one", "two", "three"]))
        let all = text.matching(LogFilter())
        #expect(all?.events == 3)
        let two = text.matching(LogFilter(text: "T"))
        #expect(two?.events == 2)
        #expect(text.matching(LogFilter(call: "other")) == nil)
        #expect(text.matching(LogFilter(level: .error)) == nil)
        #expect(all.map { String(buffer: $0.bytes) }?.hasSuffix("\"text\":\"three\"}\n\n") == true)
    }
}
