import ExecutorSupervisor
import FunctionRegistry
import NIOCore

extension CallRequest {
    /// A call of a function, as the supervisor wants it.
    /// - Parameters:
    ///   - trace: the one that it belongs to; `nil` for a new one, where the handler is told of any.
    ///   - context: what its handler is told besides; `nil` for what the function's surroundings say.
    init(
        _ id: String, _ function: CallableFunction, _ event: ByteBuffer, trace: String? = nil,
        context: String? = nil
    ) {
        let version = function.version
        let runtime: Runtime =
            switch version.runtime {
            case .python: .python
            case .javascript: .javascript
            }
        let isolation: Isolation =
            switch version.isolation {
            case .call: .call
            case .snapshot: .snapshot
            case .reuse: .reuse
            }
        self.init(
            id: id, function: version.name, version: version.version, runtime: runtime,
            handler: version.handler, bundle: version.codeSha256,
            environment: function.environment,
            limits: CallLimits(
                timeoutMs: version.timeoutMs, memoryMB: version.memoryMB, tmpMB: version.tmpMB),
            event: event, isolation: isolation)
        concurrency = version.concurrency
        secrets = Array(function.secrets.environment.values)
        layers = version.layers
        self.context = context ?? function.surroundings?.context(id, trace)
    }
}
