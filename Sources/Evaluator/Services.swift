import FunctionRegistry
import ServiceLifecycle
import Synchronization

/// The version that the evaluator tells of itself.
let evaluatorVersion = "0.1.0"

/// Why the evaluator cannot start.
struct StartError: Error, CustomStringConvertible {
    /// One line that says what to do.
    var message: String
    var description: String { message }
}

/// Knows that the evaluator is stopping. Comes last in the service group, so that it is the first to
/// hear: from then on no call is taken, while those that run finish.
final class DrainService: Service {
    private let stopping = Atomic(false)
    private let onStop: @Sendable () -> Void

    /// - Parameter onStop: called when the evaluator begins to stop.
    init(onStop: @escaping @Sendable () -> Void = {}) {
        self.onStop = onStop
    }

    var isStopping: Bool { stopping.load(ordering: .relaxed) }

    func run() async throws {
        try? await gracefulShutdown()
        stopping.store(true, ordering: .relaxed)
        onStop()
    }
}

/// Writes call records. Comes first in the service group, so that it stops when everything that makes
/// records has stopped.
struct RecorderService: Service {
    let calls: CallRecorder

    func run() async throws {
        await cancelWhenGracefulShutdown { await calls.run() }
    }
}
