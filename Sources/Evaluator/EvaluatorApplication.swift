import ExecutorSupervisor
import FunctionRegistry
import Foundation
import Hummingbird
import HummingbirdCore
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
    let registry = try FunctionRegistry(
        directory: configuration.dataDirectory, space: configuration.space, logger: logger)
    let hub = LogHub()
    let journal = CallJournal(registry: registry, hub: hub, logger: logger)
    let supervisor = try makeSupervisor(registry.bundleRoot, journal)
    let names = LambdaNames(
        region: configuration.lambdaRegion, account: configuration.lambdaAccount)
    let cache = FunctionCache(
        registry: registry, provider: LambdaSurroundings(registry: registry, names: names),
        endKept: { [calls = supervisor.calls] in calls.forget(function: $0) })
    let dispatcher = AsyncDispatcher(
        registry: registry, cache: cache, journal: journal, supervisor: supervisor.calls,
        hub: hub, places: configuration.slots, logger: logger)
    // The streams of followers would otherwise keep the server from ending.
    let drain = DrainService { hub.close() }
    let connections = ConnectionCalls { [calls = supervisor.calls] id in _ = calls.cancel(id: id) }
    let isLocalOnly = ThisMachine.has(host: configuration.host)
    let gate = LambdaGate(
        registry: registry, secrets: try registry.accessKeySecretsNow(), isLoopback: isLocalOnly)
    let edge = Edge(
        unread: UnreadAnswers(most: configuration.answerMegabytes << 20), calls: connections,
        requestTime: .seconds(Int64(configuration.requestSeconds)))
    let parts =
        Parts(
            registry: registry, cache: cache, hub: hub, journal: journal, dispatcher: dispatcher,
            supervisor: supervisor, connections: connections, drain: drain,
            webhooks: configuration.webhookHosts, names: names, slots: configuration.slots,
            gate: gate, edge: edge,
            bodies: RequestBodies(budget: BodyBudget(most: configuration.bodyMegabytes << 20)),
            origins: OriginGuard(hosts: configuration.hosts, isLocalOnly: isLocalOnly),
            keySocket: KeySocket.path(in: configuration.dataDirectory))
    let lambda = try buildLambda(parts)
    let router = try buildRouter(parts, lambda)
    let keys = KeySocket(
        keys: KeysController(registry: registry, gate: gate, bodies: parts.bodies), edge: edge,
        directory: configuration.dataDirectory, logger: logger)
    let server = Application(
        router: router, server: .edge(edge),
        configuration: ApplicationConfiguration(
            address: .hostname(configuration.host, port: configuration.port), serverName: nil,
            availableConnectionsDelegate: ConnectionLimit(
                edge.connections, most: OpenFiles.connections(configuration, logger))),
        onServerRunning: { channel in
            await keys.waitUntilUp()
            if gate.isOpen {
                logger.notice(
                    "the Lambda API asks for no signatures: there is no access key, and only this machine can connect"
                )
            }
            onListening(
                baseURL(
                    host: configuration.host, port: channel.localAddress?.port ?? configuration.port
                ))
        },
        logger: logger)
    var services: [any Service] = [
        RecorderService(calls: registry.calls), supervisor.service, dispatcher,
    ]
    services.append(
        WebhookSender(
            registry: registry, cache: cache, hosts: configuration.webhookHosts,
            destinations: LambdaDestinations(
                registry: registry, functions: lambda.service.functions,
                invoker: lambda.service.invoker),
            logger: logger))
    return EvaluatorApplication(services: services + [keys, server, drain])
}

/// What the routes are made of.
struct Parts {
    var registry: FunctionRegistry
    var cache: FunctionCache
    var hub: LogHub
    var journal: CallJournal
    var dispatcher: AsyncDispatcher
    var supervisor: Supervisor
    var connections: ConnectionCalls
    var drain: DrainService
    var webhooks: WebhookHosts
    var names: LambdaNames
    var slots: Int
    var gate: LambdaGate
    var edge: Edge
    var bodies: RequestBodies
    var origins: OriginGuard
    /// Where access keys are made.
    var keySocket: String
    var ids = CallIDGenerator()
    var reads = Reads()
}

/// The routes of the API.
func buildRouter(
    _ parts: Parts, _ lambda: LambdaMiddleware
) throws -> Router<EvaluatorRequestContext> {
    let router = Router(
        context: EvaluatorRequestContext.self, options: .autoGenerateHeadEndpoints)
    router.add(middleware: FrontDoor())
    router.add(middleware: lambda)
    router.add(middleware: ProblemMiddleware(keySocket: parts.keySocket, origins: parts.origins))
    let (registry, cache, calls) = (parts.registry, parts.cache, parts.supervisor.calls)
    let ids = parts.ids
    let headers = try CallHeaders()
    let answers = CallAnswers(calls: registry.calls, headers: headers)
    let acceptor = AsyncAcceptor(
        registry: registry, dispatcher: parts.dispatcher, headers: headers, ids: ids)
    FunctionsController(
        registry: registry, cache: cache, webhooks: parts.webhooks, reads: parts.reads.lists,
        bodies: parts.bodies
    ).addRoutes(to: router)
    InvokeController(
        registry: registry, cache: cache, journal: parts.journal, supervisor: calls,
        connections: parts.connections, acceptor: acceptor, drain: parts.drain, answers: answers,
        bodies: parts.bodies, ids: ids
    ).addRoutes(to: router)
    CallsController(
        calls: registry.calls, supervisor: calls, dispatcher: parts.dispatcher, acceptor: acceptor,
        cache: cache, answers: answers, reads: parts.reads.lists
    ).addRoutes(to: router)
    LogsController(calls: registry.calls, hub: parts.hub, reads: parts.reads.logs).addRoutes(
        to: router)
    ServiceController(
        supervisor: calls, protections: parts.supervisor.protections, drain: parts.drain
    ).addRoutes(to: router)
    return router
}

private func baseURL(host: String, port: Int) -> String {
    // An IPv6 address goes into brackets (RFC 3986, section 3.2.2).
    host.contains(":") ? "http://[\(host)]:\(port)" : "http://\(host):\(port)"
}
