import ArgumentParser
import Foundation

struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the functions.")

    @OptionGroup var options: GlobalOptions

    func run() async throws {
        try await options.withClient { client in
            options.show(try await client.functions()) { functions, console in
                if functions.isEmpty {
                    console.note("there are no functions yet; fnctl register NAME PATH makes one")
                } else {
                    FunctionTable.make(functions).print(to: console)
                }
            }
        }
    }
}

/// Functions, or versions of one, a row each.
enum FunctionTable {
    /// A column says what fails, when anything does.
    static func make(_ functions: [FunctionRecord], now: Date = Date()) -> Table {
        let anyFails = functions.contains { $0.failing != nil }
        let failing: [(String, Table.Alignment)] = anyFails ? [("failing", .left)] : []
        var table = Table(
            [
                ("name", .left), ("version", .right), ("runtime", .left), ("handler", .left),
                ("timeout", .right), ("memory", .right), ("code", .right), ("registered", .left),
            ] + failing + [("description", .left)])
        for function in functions {
            let failing = Table.Cell(
                function.failing.map { Self.failing($0, now: now) } ?? "", .red)
            table.add(
                [
                    Table.Cell(function.name, .bold), "\(function.version)",
                    "\(function.runtime)", "\(function.handler)",
                    "\(Format.duration(ms: function.timeoutMs))", "\(function.memoryMB) MB",
                    "\(Format.size(bytes: function.codeBytes))",
                    "\(Format.relative(function.createdAt, to: now))",
                ] + (anyFails ? [failing] : []) + ["\(function.description ?? "")"])
        }
        return table
    }

    /// `37× out_of_memory since 14:02`
    static func failing(_ failing: FunctionRecord.Failing, now: Date = Date()) -> String {
        let cause = failing.cause ?? "failed"
        return "\(failing.calls)× \(cause) since \(Format.clock(failing.since, now: now))"
    }
}
