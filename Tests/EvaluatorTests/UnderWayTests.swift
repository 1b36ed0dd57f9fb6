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
        // Other URLs of the host, of other functions.
        #expect(begun(underWay, 50) { ("u\($0)", "h", "f\($0)") } == 4)
        // Other hosts of one function.
        #expect(begun(underWay, 50) { ("v\($0)", "k\($0)", "f") } == 4)
        #expect(begun(underWay, 100) { ("w\($0)", "l\($0)", "g\($0)") } == 64 - 12)
    }

    @Test func `one that is under way does not begin again, and its end leaves a place`() {
        let underWay = UnderWay()
        let webhook = PendingWebhook(id: "1", url: "u", host: "h", function: "f")
        #expect(underWay.begin(webhook) && !underWay.begin(webhook))
        underWay.end(webhook)
        #expect(underWay.begin(webhook))
    }
}
