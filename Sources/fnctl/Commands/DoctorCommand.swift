import ArgumentParser

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Say whether the evaluator can serve, and what protects its cells.",
        discussion: """
            Exits with 0 when every template is ready, with 1 when one is not, and with 3 when \
            the evaluator cannot be reached. A protection that is missing is no failure: the \
            advice says how to get it.
            """)

    @OptionGroup var options: GlobalOptions

    func run() async throws {
        try await options.withClient { client in
            let readiness = try await client.readiness()
            options.show(readiness) { readiness, console in
                Self.report(readiness, endpoint: client.endpoint, console)
            }
            if !readiness.model.ready { throw Failure(nil, status: .failed) }
        }
    }

    static func report(_ readiness: Readiness, endpoint: Endpoint, _ console: Console) {
        let version = readiness.version.map { " \($0)" } ?? ""
        let state =
            readiness.ready ? console.styled("ready", .green) : console.styled("not ready", .red)
        console.print("evaluator\(version) at \(endpoint): \(state)")

        console.print("")
        templates(readiness.templates).print(to: console)
        console.print("")
        protections(readiness.protections).print(to: console)

        let missing = readiness.protections.filter { $0.status != "enforced" && $0.advice != nil }
        if missing.isEmpty { return }
        console.print("")
        console.print("advice:")
        for protection in missing {
            console.print("  \(protection.name): \(Printable.block(protection.advice ?? ""))")
        }
    }

    private static func templates(_ templates: [Readiness.Template]) -> Table {
        var table = Table([
            ("template", .left), ("state", .left), ("interpreter", .left), ("parked", .right),
            ("restarts", .right), ("detail", .left),
        ])
        for template in templates {
            table.add([
                "\(template.runtime)",
                Table.Cell(template.state, template.state == "ready" ? .green : .yellow),
                "\(template.interpreter ?? "")", "\(template.parked.map(String.init) ?? "")",
                "\(template.restarts.map(String.init) ?? "")", "\(template.detail ?? "")",
            ])
        }
        return table
    }

    private static func protections(_ protections: [Readiness.Protection]) -> Table {
        var table = Table([("protection", .left), ("status", .left), ("how", .left)])
        for protection in protections {
            let style: TextStyle =
                switch protection.status {
                case "enforced": .green
                case "partial": .yellow
                default: .red
                }
            table.add([
                "\(protection.name)", Table.Cell(protection.status, style),
                "\(protection.how ?? "")",
            ])
        }
        return table
    }
}
