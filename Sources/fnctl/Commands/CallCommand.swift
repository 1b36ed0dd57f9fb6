import ArgumentParser

struct CallCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "call", abstract: "Show what is on record about a call.")

    @Argument(help: "The call's id.")
    var id: String

    @OptionGroup var wait: WaitOption
    @OptionGroup var options: GlobalOptions

    func run() async throws {
        try await options.withClient { client in
            let call = try await client.call(id, waitMs: wait.milliseconds ?? 0)
            options.show(call) { call, console in
                Self.details(call).print(to: console)
                for line in call.stack ?? [] { console.print("  " + Printable.block(line)) }
            }
        }
    }

    static func details(_ call: CallRecord) -> Table {
        let errorType = call.errorType.map { "\($0): " } ?? ""
        let lost = call.logTruncated == true ? ", cut off at the limit" : ""
        let pairs: [(String, String?)] = [
            ("call", call.id),
            ("function", "\(call.function) version \(call.version)"),
            ("state", call.state + (call.dead == true ? ", a dead letter" : "")),
            ("waits for", AsyncText.waiting(call)),
            ("cause", call.cause),
            ("message", call.message.map { errorType + $0 }),
            ("exit code", call.exitCode.map { "\($0)" }),
            ("signal", call.signal),
            ("blocked", call.blocked),
            ("queued", "\(Format.relative(call.queuedAt)) (\(call.queuedAt))"),
            ("time", times(call)),
            ("cpu", call.cpuMs.map(Format.duration)),
            ("peak memory", call.peakMemoryBytes.map(Format.size)),
            ("event", call.bytesIn.map(Format.size)),
            ("result", call.bytesOut.map(Format.size)),
            ("log", call.logBytes.map { Format.size(bytes: $0) + lost }),
            (
                "limits",
                call.limits.map {
                    "\(Format.duration(ms: $0.timeoutMs)), \($0.memoryMB) MB memory, \($0.tmpMB) MB /tmp"
                }
            ),
            ("template", call.template),
        ]
        return Table(pairs: pairs + AsyncText.pairs(call))
    }

    private static func times(_ call: CallRecord) -> String? {
        let parts = [
            ("queue", call.queueMs), ("start", call.startMs), ("init", call.initMs),
            ("run", call.runMs),
        ]
        let known = parts.compactMap { name, ms in ms.map { "\(name) \(Format.duration(ms: $0))" } }
        return known.isEmpty ? nil : known.joined(separator: ", ")
    }
}
