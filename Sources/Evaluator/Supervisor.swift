import ExecutorSupervisor
import ServiceLifecycle
import SandboxKit

/// The supervisor in the three roles that the evaluator needs it in.
struct Supervisor: Sendable {
    var calls: any CallSupervising
    /// Starts the templates; returns after a graceful shutdown.
    var service: any Service
    var protections: @Sendable () -> [Protection]
}
