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
    static func make(_ functions: [FunctionRecord], now: Date = Date()) -> Table {
        var table = Table([
            ("name", .left), ("version", .right), ("runtime", .left), ("handler", .left),
            ("timeout", .right), ("memory", .right), ("code", .right), ("registered", .left),
            ("description", .left),
        ])
        for function in functions {
            table.add([
                Table.Cell(function.name, .bold), "\(function.version)", "\(function.runtime)",
                "\(function.handler)", "\(Format.duration(ms: function.timeoutMs))",
                "\(function.memoryMB) MB", "\(Format.size(bytes: function.codeBytes))",
                "\(Format.relative(function.createdAt, to: now))", "\(function.description ?? "")",
            ])
        }
        return table
    }
}
