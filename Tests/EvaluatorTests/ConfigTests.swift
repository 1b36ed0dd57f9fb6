import ArgumentParser
import Foundation
import Logging
import Testing

@testable import Evaluator

struct ConfigTests {
    private func configuration(
        flags: [ConfigurationKey: String] = [:], configFlag: String? = nil,
        environment: [String: String] = ["HOME": "/home/someone"]
    ) throws -> EvaluatorConfiguration {
        try EvaluatorConfiguration(
            ConfigurationSources(
                flags: flags, configFlag: configFlag, environment: environment,
                workingDirectory: "/work",
                coreCount: 3))
    }

    private func file(_ text: String) throws -> String {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).json")
            .path
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    private func refusal(_ body: () throws -> EvaluatorConfiguration) -> String? {
        do {
            _ = try body()
            return nil
        } catch {
            return (error as? ConfigurationError)?.message ?? "another error: \(error)"
        }
    }

    @Test func `without any setting there are the defaults`() throws {
        let defaults = try configuration()
        #expect(defaults.host == "127.0.0.1")
        #expect(defaults.port == 8080)
        #expect(defaults.dataDirectory == "/home/someone/.local/state/cloister")
        #expect(defaults.slots == 12)
        #expect(defaults.parked == 4)
        #expect(defaults.queueLimit == 4096)
        #expect(defaults.drainSeconds == 30)
        #expect(defaults.logLevel == .info)
        #expect(
            defaults.python == nil && defaults.node == nil && defaults.executorsDirectory == nil)
        let state = try configuration(environment: ["HOME": "/h", "XDG_STATE_HOME": "/state"])
        #expect(state.dataDirectory == "/state/cloister")
        // fnctl's, in the same shell.
        #expect(
            try configuration(environment: ["HOME": "/h", "CLOISTER_ENDPOINT": "x"]).port == 8080)
    }

    @Test func `a flag wins over the environment, and that over the file`() throws {
        let path = try file(
            #"{"port": 1, "parked": 1, "slots": 1, "dataDir": "in/file", "logLevel": "debug"}"#)
        defer { try? FileManager.default.removeItem(atPath: path) }
        for viaFlag in [true, false] {
            var environment = ["CLOISTER_PORT": "2", "CLOISTER_PARKED": "2"]
            if !viaFlag { environment["CLOISTER_CONFIG"] = path }
            let result = try configuration(
                flags: [.port: "3"], configFlag: viaFlag ? path : nil, environment: environment)
            #expect(result.port == 3)
            #expect(result.parked == 2)
            #expect(result.slots == 1)
            #expect(result.logLevel == .debug)
            #expect(result.dataDirectory == "/work/in/file")
            #expect(result.queueLimit == 4096)
        }
    }

    @Test func `keys have these flags and variables`() {
        #expect(ConfigurationKey.dataDir.flag == "--data-dir")
        #expect(ConfigurationKey.dataDir.variable == "CLOISTER_DATA_DIR")
        #expect(ConfigurationKey.port.variable == "CLOISTER_PORT")
        #expect(ConfigurationKey.executorsDir.flag == "--executors-dir")
    }

    @Test func `what is wrong is named with its source`() throws {
        #expect(
            refusal { try configuration(flags: [.port: "x"]) }?.contains("the flag --port") == true)
        #expect(
            refusal { try configuration(flags: [.port: "65536"]) }?.contains("0 to 65535") == true)
        for (name, value) in [
            ("CLOISTER_PROT", "1"), ("CLOISTER_SLOTS", "0"), ("CLOISTER_SLOTS", ""),
            ("CLOISTER_LOG_LEVEL", "loud"),
            ("CLOISTER_DATA_DIR", ""), ("CLOISTER_", "x"), ("CLOISTER_DRAIN_SECONDS", "1.5"),
        ] {
            let message = refusal { try configuration(environment: ["HOME": "/h", name: value]) }
            #expect(message?.contains(name) == true, "\(message ?? "accepted")")
        }
        for (text, part) in [
            (#"{"prot": 1}"#, "unknown key \"prot\""), (#"{"port": "80"}"#, "\"port\""),
            (#"{"port": 1.5}"#, "\"port\""), (#"{"host": 1}"#, "\"host\""),
            (#"{"host": null}"#, "\"host\""),
            (#"{"port": 80"#, "line 1, column"), ("[]", "JSON object"),
            (#"{"port": [80]}"#, "\"port\""),
        ] {
            let path = try file(text)
            defer { try? FileManager.default.removeItem(atPath: path) }
            let message = refusal { try configuration(configFlag: path) }
            #expect(message?.contains(part) == true, "\(message ?? "accepted")")
            #expect(message?.contains(path) == true)
        }
        #expect(
            refusal { try configuration(configFlag: "none.json") }?.contains("/work/none.json")
                == true)
    }

    @Test func `the help names every option, and no default contradicts the code`() throws {
        let help = EvaluatorCommand.helpMessage()
        for key in ConfigurationKey.allCases { #expect(help.contains(key.flag)) }
        for text in [
            "127.0.0.1", "8080", "4096", "(default: 30)", "(default: 4)", "--config", "--version",
        ] {
            #expect(help.contains(text), "\(text)")
        }
    }
}
