import CSandbox
import NIOCore
import NIOPosix

/// Threads for work of requests that takes long: they are few, and give way to calls where there are not
/// enough processors for all. No event loop does such work, and nothing else is done here.
final class QuietThreads: TaskExecutor {
    /// For searching logs.
    static let searching = QuietThreads(
        count: max(1, min(2, System.coreCount / 2)), nice: 19)
    /// For lists, which people wait for.
    static let listing = QuietThreads(count: 2, nice: 5)
    /// For handing what calls print to those who follow it.
    static let following = QuietThreads(count: 1, nice: 15)
    /// For telling others of ends of calls.
    static let telling = QuietThreads(count: 1, nice: 5)

    let count: Int
    private let nice: Int32
    private let pool: NIOThreadPool

    /// Lasts as long as the process does.
    private init(count: Int, nice: Int32) {
        self.count = count
        self.nice = nice
        pool = NIOThreadPool(numberOfThreads: count)
        pool.start()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        run { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }

    /// Runs `body` on one of the threads.
    func run(_ body: @escaping @Sendable () -> Void) {
        pool.submit { [nice] _ in
            // Of the calling thread alone. A low priority is not enough: a thread that has been woken
            // waits for the slice of the one that runs, some 3 ms.
            _ = csb_give_way(nice)
            body()
        }
    }
}
