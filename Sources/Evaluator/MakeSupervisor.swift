import ExecutorSupervisor
import Glibc
import Logging
import NIOCore
import SandboxKit
import ServiceLifecycle

/// The one place where the concrete supervisor is made.
/// - Throws: `StartError`, `SupervisorError` or `SandboxError`, which say what to do.
func makeSupervisor(
    configuration: EvaluatorConfiguration, bundleRoot: String, observer: any CallObserver,
    logger: Logger
) throws -> Supervisor {
    let hasUserNamespaces = try userNamespaces(configuration.userNamespaces, logger: logger)
    let installation = try Installation(
        executorsDirectory: configuration.executorsDirectory,
        lambdaRuntime: configuration.lambdaRuntime)
    var interpreters: [Runtime: String] = [:]
    interpreters[.python] = configuration.python
    interpreters[.javascript] = configuration.node
    let supervisor = try ExecutorSupervisor(
        configuration: SupervisorConfiguration(
            executors: installation.executors, launcher: installation.launcher,
            cellLibrary: installation.cellLibrary, bundles: bundleRoot,
            lambdaRuntime: installation.lambdaRuntime, interpreters: interpreters,
            slots: configuration.slots, parked: configuration.parked,
            queueLimit: configuration.queueLimit,
            hasUserNamespaces: hasUserNamespaces, checkResult: jsonFault),
        observer: observer, log: logger)
    return Supervisor(
        calls: supervisor,
        service: SupervisorService(
            supervisor: supervisor, drainSeconds: configuration.drainSeconds),
        protections: {
            Protection.all(
                cgroups: supervisor.cgroupSupport, hasUserNamespaces: hasUserNamespaces)
        })
}

/// Whether cells get user namespaces.
/// - Throws: `StartError` where they cannot and must.
private func userNamespaces(_ policy: UserNamespacePolicy, logger: Logger) throws -> Bool {
    guard let fault = UserNamespaces.fault() else { return true }
    guard geteuid() == 0 else { throw StartError(message: fault) }
    guard policy == .optional else {
        throw StartError(
            message:
                "\(fault); --user-namespaces optional runs without them, with one layer less around each cell"
        )
    }
    logger.warning("cells run without user namespaces", metadata: ["reason": "\(fault)"])
    return false
}

/// Stops the supervisor when the evaluator stops.
private struct SupervisorService: Service {
    let supervisor: ExecutorSupervisor
    let drainSeconds: Int

    func run() async throws {
        // Throws when the task is cancelled: then nothing is left to wait for.
        try? await gracefulShutdown()
        await supervisor.stop(within: Task.isCancelled ? 0 : Double(drainSeconds))
    }
}

/// What is wrong with a handler's result; `nil` when it is JSON.
@Sendable private func jsonFault(in result: ByteBuffer, allowsNonFinite: Bool) -> String? {
    do {
        try result.withUnsafeReadableBytes {
            try JSONValidator.check($0, allowsNonFinite: allowsNonFinite)
        }
        return nil
    } catch {
        return (error as? JSONFault)?.message ?? "\(error)"
    }
}
