import ArgumentParser
import Foundation

/// The root command.
@main
struct Fnctl: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fnctl",
        abstract: "register, invoke and test functions on a Cloister evaluator.",
        discussion: """
            The evaluator is looked for at --endpoint, else at CLOISTER_ENDPOINT, else at \
            \(Endpoint.fallback).

            Exit status: 0 done, 1 the function or the request failed, 2 wrong usage, 3 no \
            evaluator answered, 124 the call timed out.

            Shell completion: fnctl --generate-completion-script bash (or zsh, fish) prints a \
            script for your shell to load.
            """,
        version: "0.1.0",
        subcommands: [
            RegisterCommand.self, InvokeCommand.self, ListCommand.self, ShowCommand.self,
            DeleteCommand.self, CallsCommand.self, CallCommand.self, ResultCommand.self,
            WhyCommand.self, LogsCommand.self, CancelCommand.self, ReplayCommand.self,
            TestCommand.self, KeysCommand.self, DoctorCommand.self,
        ])

    /// They may come before the subcommand as well as after it, which reads them from here then.
    @OptionGroup var options: GlobalOptions

    static func main() async {
        let status = await run(Array(CommandLine.arguments.dropFirst()))
        Foundation.exit((Console.current.isClosed ? .brokenPipe : status).rawValue)
    }

    /// Runs the command that the arguments name, and prints why it failed if it did.
    static func run(_ arguments: [String]) async -> ExitStatus {
        do {
            var command = try await asyncParseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            return .completed
        } catch let failure as Failure {
            if let message = failure.message {
                Console.current.note("fnctl: \(Printable.block(message))")
            }
            return failure.status
        } catch is CancellationError {
            Console.current.note("fnctl: interrupted")
            return .interrupted
        } catch {
            return explain(error)
        }
    }

    /// Help and completion scripts come as errors too, with the status of success.
    private static func explain(_ error: any Error) -> ExitStatus {
        let message = fullMessage(for: error)
        switch exitCode(for: error) {
        case .success:
            Console.current.print(message)
            return .completed
        case .validationFailure:
            Console.current.note(message)
            return .usage
        default:
            Console.current.note(message)
            return .failed
        }
    }
}
