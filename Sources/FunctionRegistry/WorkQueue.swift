import Dispatch

/// A serial queue for work that blocks (file and database writes), so that it neither holds a thread
/// of the cooperative pool nor is cut short when the task that asked for it is cancelled: half an
/// unpacked bundle or half a batch of records is never what a cancelled caller wants.
struct WorkQueue: Sendable {
    private let queue: DispatchQueue

    init(label: String) {
        queue = DispatchQueue(label: label)
    }

    /// Runs `work` after everything that was given to the queue before it.
    func run<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result(catching: work)) }
        }
    }

    /// Runs `work` later, with nobody waiting for it.
    func schedule(_ work: @escaping @Sendable () -> Void) {
        queue.async(execute: work)
    }
}
