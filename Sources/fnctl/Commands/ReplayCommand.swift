import ArgumentParser

struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Call dead letters once more.",
        discussion: """
            A dead letter is an asynchronous call that failed for good. Replayed, its event is \
            the event of a new asynchronous call of its function's newest version. Prints each \
            old id with the new one; what cannot be replayed is said, the others go on, and the \
            exit status is 1 then. fnctl calls --dead lists the dead letters.
            """)

    @Argument(help: "The calls' ids.")
    var ids: [String] = []

    @Flag(help: "Replay all dead letters, the oldest first.")
    var all = false

    @Option(help: ArgumentHelp("With --all: only those of this function.", valueName: "name"))
    var function: String?

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if all && !ids.isEmpty {
            throw ValidationError("ids and --all do not go together; leave one out")
        }
        if !all && function != nil {
            throw ValidationError("--function goes with --all; add it, or name the calls by id")
        }
        if !all && ids.isEmpty {
            throw ValidationError("say which calls: their ids, or --all for every dead letter")
        }
    }

    func run() async throws {
        let console = Console.current
        let failed = try await options.withClient { client in
            var replayed: [JSONValue] = []
            var failed: [JSONValue] = []
            for id in try await letters(client) {
                do {
                    let call = try await EvaluatorClient.patiently { try await client.replay(id) }
                    let new = call.model.id
                    replayed.append(
                        .object(fields: [("id", .string(id)), ("replayedAs", .string(new))]))
                    if options.output == .table { console.print("\(id) -> \(new)") }
                } catch let failure as Failure where failure.status == .failed {
                    failed.append(
                        .object(fields: [
                            ("id", .string(id)), ("detail", .string(failure.description)),
                        ]))
                    console.note("fnctl: \(id) was not replayed: \(Printable.line("\(failure)"))")
                }
            }
            if options.output == .json {
                console.print(
                    json: .object(fields: [
                        ("replayed", .array(replayed)), ("failed", .array(failed)),
                    ]))
            }
            return failed.count
        }
        if failed > 0 { throw Failure(nil, status: .failed) }
    }

    /// All of them are listed before the first is replayed, which takes it off the list.
    private func letters(_ client: EvaluatorClient) async throws -> [String] {
        guard all else { return ids }
        let letters = try await client.calls(function: function, dead: true).model
        if letters.isEmpty { Console.current.note("there are no dead letters") }
        return letters.reversed().map(\.id)
    }
}
