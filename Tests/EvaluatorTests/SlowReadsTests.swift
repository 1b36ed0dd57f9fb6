import Foundation
import NIOPosix
import Synchronization
import Testing

@testable import Evaluator

/// Reads that take long have threads and a line of their own.
struct SlowReadsTests {
    /// Holds reads until it is opened.
    private final class Door: Sendable {
        private let state = Mutex<(isOpen: Bool, waiting: [CheckedContinuation<Void, Never>])>(
            (false, []))

        func pass() async {
            await withCheckedContinuation { continuation in
                let isOpen = state.withLock { state in
                    if !state.isOpen { state.waiting.append(continuation) }
                    return state.isOpen
                }
                if isOpen { continuation.resume() }
            }
        }

        func open() {
            let waiting = state.withLock { state in
                state.isOpen = true
                defer { state.waiting = [] }
                return state.waiting
            }
            for continuation in waiting { continuation.resume() }
        }
    }

    private final class Counter: Sendable {
        private let count = Atomic(0)
        var value: Int { count.load(ordering: .sequentiallyConsistent) }
        func add() { count.add(1, ordering: .sequentiallyConsistent) }
    }

    private static func until(_ holds: () -> Bool) async throws {
        for _ in 0..<2000 where !holds() { try await Task.sleep(for: .milliseconds(5)) }
        #expect(holds())
    }

    @Test func `as many run as there are threads, some wait, and more are refused`() async throws {
        let reads = SlowReads("logs", on: .listing, mostWaiting: 3)
        let door = Door()
        let running = Counter()
        let done = Counter()
        let threads = QuietThreads.listing.count
        try await withThrowingTaskGroup { group in
            for _ in 0..<threads + 3 {
                group.addTask {
                    try await reads.run {
                        running.add()
                        await door.pass()
                        done.add()
                    }
                }
            }
            try await Self.until { reads.load == (threads, 3) }
            #expect(running.value == threads)
            await #expect(throws: SlowReads.Busy.self) { try await reads.run {} }
            door.open()
            try await group.waitForAll()
        }
        #expect(done.value == threads + 3)
        #expect(reads.load == (0, 0))
        // There is room again, also after reads that failed.
        await #expect(throws: CancellationError.self) {
            try await reads.run { throw CancellationError() }
        }
        try await reads.run {}
    }

    @Test func `one that is cancelled while it waits gives its place up`() async throws {
        let reads = SlowReads("logs", on: .listing, mostWaiting: 1)
        let door = Door()
        let threads = QuietThreads.listing.count
        try await withThrowingTaskGroup { group in
            for _ in 0..<threads { group.addTask { try await reads.run { await door.pass() } } }
            try await Self.until { reads.load.running == threads }
            let waits = Task { try await reads.run {} }
            try await Self.until { reads.load.waiting == 1 }
            waits.cancel()
            await #expect(throws: CancellationError.self) { try await waits.value }
            #expect(reads.load == (threads, 0))
            door.open()
            try await group.waitForAll()
        }
    }

    @Test func `every part of a read runs on its threads, with their nice level`() async throws {
        let reads = SlowReads("lists", on: .listing, mostWaiting: 1)
        try await reads.run {
            for _ in 0..<3 {
                // As work on an event loop must not.
                #expect(MultiThreadedEventLoopGroup.currentEventLoop == nil)
                #expect(getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0) == 5)
                await Task.yield()
                await withCheckedContinuation { continuation in
                    DispatchQueue.global().async { continuation.resume() }
                }
            }
        }
    }
}
