import FunctionRegistry

/// Makes the Lambda API out of its parts.
func buildLambda(_ parts: Parts) throws -> LambdaMiddleware {
    let registry = parts.registry
    let functions = LambdaFunctions(registry: registry, cache: parts.cache, names: parts.names)
    let invoker = LambdaInvoker(
        registry: registry, functions: functions, journal: parts.journal,
        supervisor: parts.supervisor.calls,
        acceptor: AsyncAcceptor(
            registry: registry, dispatcher: parts.dispatcher, headers: try CallHeaders(),
            ids: parts.ids),
        drain: parts.drain, ids: parts.ids, slots: parts.slots)
    return LambdaMiddleware(
        reader: try LambdaRequestReader(names: parts.names),
        service: LambdaService(
            registry: registry, functions: functions, invoker: invoker,
            codeLinks: CodeLinks(registry: registry), reads: parts.reads.lists,
            unread: parts.edge.unread),
        logs: CloudWatchLogs(
            registry: registry, functions: functions, reads: parts.reads.logs), gate: parts.gate,
        urls: FunctionURLGateway(
            registry: registry, functions: functions, invoker: invoker, gate: parts.gate,
            bodies: parts.bodies, unread: parts.edge.unread),
        bodies: parts.bodies)
}
