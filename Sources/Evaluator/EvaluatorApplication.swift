import ExecutorSupervisor
import FunctionRegistry
import Foundation
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle

/// Everything that serves, in the order in which it starts; it stops in the reverse order.
struct EvaluatorApplication {
    var services: [any Service]
}

/// Makes the evaluator out of its parts. This is the only place that knows them all.
/// - Parameters:
///   - supervisor: makes the supervisor, which tells the observer of its calls.
///   - onListening: called with the base URL once connections are accepted.
/// - Throws: `RegistryError`, `StartError`.
func buildApplication(
    configuration: EvaluatorConfiguration, logger: Logger,
    supervisor makeSupervisor: (_ bundleRoot: String, any CallObserver) throws -> Supervisor,
    onListening: @escaping @Sendable (String) -> Void
) throws -> EvaluatorApplication {
    let registry = try FunctionRegistry(directory: configuration.dataDirectory, logger: logger)
    let journal = CallJournal(registry: registry)
    let supervisor = try makeSupervisor(registry.bundleRoot, journal)
    let drain = DrainService()
    let connections = ConnectionCalls { [calls = supervisor.calls] id in _ = calls.cancel(id: id) }
    let router = try buildRouter(
        registry: registry, journal: journal, supervisor: supervisor, connections: connections,
        drain: drain)
    let server = Application(
        router: router,
        server: .http1(
            configuration: .init(
                additionalChannelHandlers: [ConnectionHandler(calls: connections)],
                // Ends connections that send nothing, or a request too slowly.
                idleTimeout: .seconds(120))),
        configuration: ApplicationConfiguration(
            address: .hostname(configuration.host, port: configuration.port), serverName: nil),
        onServerRunning: { channel in
            onListening(
                baseURL(
                    host: configuration.host, port: channel.localAddress?.port ?? configuration.port
                ))
        },
        logger: logger)
    return EvaluatorApplication(services: [
        RecorderService(calls: registry.calls), supervisor.service, server, drain,
    ])
}

/// The routes of the API.
func buildRouter(
    registry: FunctionRegistry, journal: CallJournal, supervisor: Supervisor,
    connections: ConnectionCalls, drain: DrainService
) throws -> Router<EvaluatorRequestContext> {
    let router = Router(
        context: EvaluatorRequestContext.self, options: .autoGenerateHeadEndpoints)
    router.add(middleware: ProblemMiddleware())
    let cache = FunctionCache(registry: registry)
    FunctionsController(registry: registry, cache: cache).addRoutes(to: router)
    InvokeController(
        registry: registry, cache: cache, journal: journal, supervisor: supervisor.calls,
        connections: connections, drain: drain, headers: try CallHeaders()
    ).addRoutes(to: router)
    CallsController(calls: registry.calls, supervisor: supervisor.calls).addRoutes(to: router)
    ServiceController(
        supervisor: supervisor.calls, protections: supervisor.protections, drain: drain
    ).addRoutes(to: router)
    return router
}

private func baseURL(host: String, port: Int) -> String {
    // An IPv6 address goes into brackets (RFC 3986, section 3.2.2).
    host.contains(":") ? "http://[\(host)]:\(port)" : "http://\(host):\(port)"
}
