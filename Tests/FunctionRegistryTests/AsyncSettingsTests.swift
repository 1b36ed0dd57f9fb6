import Foundation
import Testing

@testable import FunctionRegistry

struct AsyncSettingsTests {
    @Test func `pauses double, with jitter, up to five minutes`() {
        let settings = AsyncSettings(attempts: 10, backoffMs: 1000, maxAgeMs: 604_800_000)
        func pause(_ attempt: Int, _ jitter: Double) -> Int64? {
            settings.pause(after: attempt, cause: "crashed", ageMs: 0, jitter: jitter)
        }
        #expect(pause(1, 0) == 500 && pause(1, 1) == 1000)
        #expect(pause(2, 0) == 1000 && pause(2, 1) == 2000)
        #expect(pause(9, 1) == 256_000)
        #expect(
            AsyncSettings(attempts: 10, backoffMs: 300_000, maxAgeMs: 604_800_000)
                .pause(after: 9, cause: "crashed", ageMs: 0, jitter: 1) == 300_000)
        #expect(pause(10, 0) == nil)
    }

    @Test func `only what may be retried is, and only while it is young enough`() {
        var settings = AsyncSettings(attempts: 3, backoffMs: 1000, maxAgeMs: 10_000)
        func pause(_ cause: String, _ age: Int64) -> Int64? {
            settings.pause(after: 1, cause: cause, ageMs: age, jitter: 1)
        }
        #expect(pause("handler_error", 9000) == 1000)
        #expect(pause("handler_error", 9001) == nil)
        #expect(pause("cancelled", 0) == nil)
        #expect(pause("expired", 0) == nil)
        settings.retryOn = ["crashed"]
        #expect(pause("handler_error", 0) == nil)
        #expect(pause("crashed", 0) == 1000)
        settings.retryOn = []
        #expect(pause("crashed", 0) == nil)
        // A clock that was set back makes a call younger, not older.
        settings.retryOn = nil
        #expect(pause("crashed", -3_600_000) == 1000)
    }

    @Test func `signatures are those of the Standard Webhooks specification`() throws {
        // The example of the specification's reference libraries.
        let key = try WebhookKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        let signature = key.signature(
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek", seconds: 1_614_265_330,
            body: Data(#"{"test": 2432232314}"#.utf8))
        #expect(signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        for bad in [
            "", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_%%%",
        ] {
            #expect(throws: RegistryError.self) { try WebhookKey(bad) }
        }
    }

    @Test(arguments: [
        (#"{"level": "warning", "m": 1}"#, LogLevel.warn), (#"{"severity": "ERROR"}"#, .error),
        ("ERROR:root:no file", .error), ("[debug] x", .debug), ("WARNING: x", .warn),
        ("CRITICAL:app:x", .fatal), ("info: x", .info),
    ]) func `a line says its level`(_ line: String, _ level: LogLevel) {
        #expect(LogLevel(line: line) == level)
    }

    @Test(arguments: [
        "", "hello", "error in line 3", "note: x", #"{"level": 30}"#, #"{"level""#, "[", ":",
        "é: x",
        "https://example.org", "errors: 3",
    ]) func `what does not say its level has none`(_ line: String) {
        #expect(LogLevel(line: line) == nil)
    }
}
