import ArgumentParser
import Foundation
import FunctionRegistry
import Logging
import NIOCore
import ServiceLifecycle
import UnixSignals

/// `evaluator`: serves the HTTP API until it is told to stop.
@main
struct EvaluatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluator",
        abstract: "Serve functions over HTTP, each call in a cell of its own.",
        discussion: """
            Every option can also be set in the environment, as CLOISTER_DATA_DIR for --data-dir, or in \
            a JSON file, as "dataDir". A flag wins over the environment, and that over the file.

            SIGTERM and SIGINT stop the evaluator: it takes no more calls, lets those that run finish, \
            writes their records and exits with 0.
            """,
        version: evaluatorVersion)

    @Option(
        help: ArgumentHelp("The address to listen on. (default: 127.0.0.1)", valueName: "address"))
    var host: String?
    @Option(help: "The port to listen on, 0 for any that is free. (default: 8080)")
    var port: String?
    @Option(
        help: ArgumentHelp(
            "The folder for functions and call records. (default: cloister in $XDG_STATE_HOME or ~/.local/state)",
            valueName: "path"))
    var dataDir: String?
    @Option(
        help: ArgumentHelp(
            "Calls that run at once. (default: 4 a core, at least 8)", valueName: "count"))
    var slots: String?
    @Option(
        help: ArgumentHelp("Cells kept ready for each runtime. (default: 4)", valueName: "count"))
    var parked: String?
    @Option(
        help: ArgumentHelp("Calls that may wait for a slot. (default: 4096)", valueName: "count"))
    var queueLimit: String?
    @Option(
        help: ArgumentHelp(
            "How long calls may finish when stopping. (default: 30)", valueName: "seconds"))
    var drainSeconds: String?
    @Option(
        help: ArgumentHelp(
            "trace, debug, info, notice, warning, error or critical. (default: info)",
            valueName: "level"))
    var logLevel: String?
    @Option(
        help: ArgumentHelp(
            "The Python interpreter. (default: python3 on the PATH)", valueName: "path"))
    var python: String?
    @Option(
        help: ArgumentHelp("The Node executable. (default: node on the PATH)", valueName: "path"))
    var node: String?
    @Option(
        help: ArgumentHelp(
            "The folder of the executors. (default: beside the program)", valueName: "path"))
    var executorsDir: String?
    @Option(
        help: ArgumentHelp(
            "What functions of Lambda's API find at /var/runtime. (default: what make lambda-runtime made)",
            valueName: "path"))
    var lambdaRuntime: String?
    @Option(
        help: ArgumentHelp(
            "The region of functions in Lambda's API, where a request's signature names no other. (default: us-east-1)",
            valueName: "region"))
    var lambdaRegion: String?
    @Option(
        help: ArgumentHelp(
            "The account that Lambda's API says they belong to. (default: 000000000000)",
            valueName: "digits"))
    var lambdaAccount: String?
    @Option(
        help: ArgumentHelp(
            "required, or optional to run without them as root, with weaker cells. (default: required)",
            valueName: "policy"))
    var userNamespaces: String?
    @Option(
        help: ArgumentHelp(
            "The hosts that webhooks may go to, as host or host:port. (default: none)",
            valueName: "host,…"))
    var webhookHosts: String?
    @Option(
        help: ArgumentHelp(
            "What all bundles and archives may take of the disk. (default: a tenth of it)",
            valueName: "bytes"))
    var bundleBytes: String?
    @Option(
        help: ArgumentHelp(
            "Free disk below which nothing is registered. (default: a twentieth of it, at most 1 GiB)",
            valueName: "bytes"))
    var freeBytes: String?
    @Option(
        help: ArgumentHelp(
            "Names that the evaluator is reached by besides this machine's, such as a proxy's. (default: none)",
            valueName: "host,…"))
    var hosts: String?
    @Option(
        help: ArgumentHelp("Connections open at once. (default: 4096)", valueName: "count"))
    var connections: String?
    @Option(
        help: ArgumentHelp(
            "How long a request may take to come, besides a second for every 10 kB. (default: 60)",
            valueName: "seconds"))
    var requestSeconds: String?
    @Option(
        help: ArgumentHelp(
            "Memory for the bodies of requests that are being received. (default: 512)",
            valueName: "count"))
    var bodyMegabytes: String?
    @Option(
        help: ArgumentHelp(
            "Memory for answers that clients have not read. (default: 256)", valueName: "count"))
    var answerMegabytes: String?
    @Flag(help: "Encrypt the secrets of all functions with a new key, and end.")
    var rotateSecrets = false
    @Option(
        help: ArgumentHelp("A JSON file with settings; also CLOISTER_CONFIG.", valueName: "path"))
    var config: String?

    private var flags: [ConfigurationKey: String] {
        let given: [ConfigurationKey: String?] = [
            .host: host, .port: port, .dataDir: dataDir, .slots: slots, .parked: parked,
            .queueLimit: queueLimit, .drainSeconds: drainSeconds, .logLevel: logLevel,
            .python: python, .node: node, .executorsDir: executorsDir,
            .userNamespaces: userNamespaces, .webhookHosts: webhookHosts, .hosts: hosts,
            .connections: connections, .requestSeconds: requestSeconds,
            .bodyMegabytes: bodyMegabytes, .answerMegabytes: answerMegabytes,
            .bundleBytes: bundleBytes, .freeBytes: freeBytes, .lambdaRuntime: lambdaRuntime,
            .lambdaRegion: lambdaRegion, .lambdaAccount: lambdaAccount,
        ]
        return given.compactMapValues { $0 }
    }

    func run() async throws {
        Allocator.boundFreeMemory()
        let configuration: EvaluatorConfiguration
        do {
            configuration = try EvaluatorConfiguration(
                ConfigurationSources(flags: flags, configFlag: config))
        } catch let error as ConfigurationError {
            throw Self.exit(with: error.message, code: .init(EX_USAGE))
        }
        LoggingSystem.bootstrap(EscapingLogHandler.standardError)
        var logger = Logger(label: "cloister")
        logger.logLevel = configuration.logLevel
        do {
            if rotateSecrets {
                let count = try await FunctionRegistry.rotateSecrets(
                    directory: configuration.dataDirectory)
                print("\(count) secret values have a new key")
                return
            }
            try await serve(configuration, logger: logger)
        } catch {
            throw Self.exit(with: "\(error)", code: .failure)
        }
    }

    private func serve(_ configuration: EvaluatorConfiguration, logger: Logger) async throws {
        EventLoopTasks.begin()
        OpenFiles.raiseLimit()
        let application = try buildApplication(
            configuration: configuration, logger: logger,
            supervisor: { bundleRoot, observer in
                try makeSupervisor(
                    configuration: configuration, bundleRoot: bundleRoot, observer: observer,
                    logger: logger)
            },
            onListening: { url in
                // The one line of standard output; scripts wait for it.
                FileHandle.standardOutput.write(Data("listening on \(url)\n".utf8))
            })
        var group = ServiceGroupConfiguration(
            services: application.services, gracefulShutdownSignals: [.sigterm, .sigint],
            logger: logger)
        // After this, what still runs is cancelled, and its records say so.
        group.maximumGracefulShutdownDuration = .seconds(configuration.drainSeconds)
        try await ServiceGroup(configuration: group).run()
    }

    private static func exit(with message: String, code: ExitCode) -> ExitCode {
        FileHandle.standardError.write(Data("evaluator: \(message)\n".utf8))
        return code
    }
}
