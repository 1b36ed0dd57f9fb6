import Testing

@testable import Evaluator

struct WebhookHostsTests {
    @Test(arguments: [
        "http://hooks.example/a?b=c", "https://HOOKS.example:443/", "http://[::1]/",
        "http://[::1]:80/",
        "http://other.example:8080",
    ]) func `hosts that are named may be sent to`(_ url: String) throws {
        try WebhookHosts("hooks.example, [::1], other.example:8080").check(url)
    }

    @Test(arguments: [
        "http://other.example/", "http://[::1]:0/", "http://[::1]:70000/",
        "http://hooks.example:0/",
        "http://hooks.example:99999999999999999999/", "http://hook%73.example/", "http://[::2]/",
        "ftp://hooks.example/", "http://u@hooks.example/", "http://hooks.example/#a",
        "hooks.example",
    ]) func `others may not, nor what is no plain URL`(_ url: String) throws {
        let hosts = try WebhookHosts("hooks.example, [::1], other.example:8080")
        #expect(throws: Problem.self) { try hosts.check(url) }
    }

    @Test(arguments: ["a/b", "u@a", "a:0", "a:70000", "a b", "é"])
    func `an entry that is no host is refused at the start`(_ entry: String) {
        #expect(throws: ConfigurationError.self) { try WebhookHosts(entry) }
    }
}
