import CSandbox
import NIOCore
import NIOPosix

/// Runs Swift's tasks on the threads of NIO's event loops, so that a request is handled on the thread
/// that has read it. Nothing in them blocks for long: the database, unpacking and large bodies have
/// threads of their own.
///
/// It is what NIO's `unsafeTryInstallSingletonPosixEventLoopGroupAsConcurrencyGlobalExecutor` does. That
/// looks for the runtime's variable by its name at run time, and finds none in a program that carries
/// Swift's libraries; here it is linked.
enum EventLoopTasks {
    private typealias Hook =
        @convention(thin) (UnownedJob, @convention(thin) (UnownedJob) -> Void) -> Void

    /// Takes over from the runtime's own pool. Call it once, before there are tasks.
    static func begin() {
        withUnsafeTemporaryAllocation(of: Hook.self, capacity: 1) { hook in
            hook.baseAddress!.initialize { job, _ in
                // The loop of this very thread, if it has one.
                MultiThreadedEventLoopGroup.singleton.any().executor.enqueue(ExecutorJob(job))
            }
            hook.baseAddress!.withMemoryRebound(to: UnsafeMutableRawPointer.self, capacity: 1) {
                csb_set_enqueue_hook($0.pointee)
            }
        }
    }
}
