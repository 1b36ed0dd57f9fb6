import FunctionRegistry
import Testing

@testable import Evaluator

/// Places of webhooks that are being sent.
struct UnderWayTests {
    private func begun(
        _ underWay: UnderWay, _ count: Int,
        _ webhook: (Int) -> (url: String, host: String, function: String)
    ) -> Int {
        (0..<count).count { number in
            let (url, host, function) = webhook(number)
            return underWay.begin(
                PendingWebhook(
                    id: "\(function)/\(url)/\(number)", url: url, host: host, function: function))
        }
    }

    @Test func `a URL, a host and a function have some places each, and nobody has all`() {
        let underWay = UnderWay()
        #expect(begun(underWay, 50) { _ in ("u", "h", "f") } == 4)
        // Other URLs of the host, of functions that have none yet.
        #expect(begun(underWay, 50) { ("u\($0)", "h", "f\($0)") } == 28)
        // Those have one each then, and the host has no more for them.
        #expect(begun(underWay, 28) { ("w\($0)", "h", "f\($0)") } == 0)
        // Other hosts of one function.
        #expect(begun(underWay, 50) { ("v\($0)", "k\($0)", "f") } == 4)
        // For functions that have some there are no more than 64 in all, for others twice that.
        #expect(begun(underWay, 100) { ("x\($0)", "l\($0)", "g\($0 / 8)") } == 28 + 9)
        #expect(begun(underWay, 200) { ("y\($0)", "m\($0)", "n\($0)") } == 128 - 36 - 37)
    }

    @Test func `one that is under way does not begin again, and its end leaves a place`() {
        let underWay = UnderWay()
        let webhook = PendingWebhook(id: "1", url: "u", host: "h", function: "f")
        #expect(underWay.begin(webhook) && !underWay.begin(webhook))
        underWay.end(webhook)
        #expect(underWay.begin(webhook))
    }
}
