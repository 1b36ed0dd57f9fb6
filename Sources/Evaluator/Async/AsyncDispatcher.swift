import ExecutorSupervisor
import FunctionRegistry
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// Runs asynchronous calls: takes them from the registry's queue when it is their turn, counts the
/// attempt, and hands it to the supervisor. `CallJournal` decides what an attempt's end leads to.
final class AsyncDispatcher: Service {
    struct State {
        var waiting: WaitingCalls
        /// Calls that have been taken, until their attempt is over.
        var taken: [String: Taken] = [:]
        /// Functions with waiting calls whose limit may have changed.
        var changed: Set<String> = []
        var isStopping = false
    }

    struct Taken {
        var entry: WaitingCalls.Entry
        var wish: EndWish?
    }

    let registry: FunctionRegistry
    let cache: FunctionCache
    let journal: CallJournal
    let supervisor: any CallSupervising
    let hub: LogHub
    let logger: Logger
    let state: Mutex<State>
    let wakeUps: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)

    /// When a call that the supervisor or the store refused is tried again.
    static let refusalMs: Int64 = 1000
    /// How often calls that have grown too old are looked for: that looks at all that wait.
    private static let sweepNs: UInt64 = 1_000_000_000
    private static let pollNs: UInt64 = 50_000_000
    /// Calls that are claimed in one transaction.
    private static let claimStep = 64

    /// - Parameter places: calls that are under way at once.
    init(
        registry: FunctionRegistry, cache: FunctionCache, journal: CallJournal,
        supervisor: any CallSupervising, hub: LogHub, places: Int, logger: Logger
    ) {
        self.registry = registry
        self.cache = cache
        self.journal = journal
        self.supervisor = supervisor
        self.hub = hub
        self.logger = logger
        state = Mutex(State(waiting: WaitingCalls(places: places)))
        wakeUps = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        journal.onAttemptOver(
            endWish: { [weak self] in self?.endWish($0) }
        ) { [weak self] id, outcome in
            self?.attemptOver(id, outcome)
        }
        cache.onChange { [weak self] in self?.functionChanged($0) }
    }

    /// The limit of a function's calls at once, which calls that wait have been accepted with, may not hold
    /// any more.
    func functionChanged(_ name: String) {
        let waits = state.withLock { state in
            guard state.waiting.has(name) else { return false }
            state.changed.insert(name)
            return true
        }
        if waits { wakeUps.continuation.yield() }
    }

    private func readChangedLimits() async {
        let names = state.withLock { state in
            defer { state.changed = [] }
            return state.changed
        }
        for name in names {
            do {
                let function = try await cache.find(name, version: nil)
                state.withLock {
                    $0.waiting.setConcurrency(of: name, function?.version.concurrency)
                }
            } catch {
                logger.error(
                    "cannot read how many calls of a function may run",
                    metadata: ["function": "\(name)", "reason": "\(error)"])
                state.withLock { _ = $0.changed.insert(name) }
            }
        }
    }

    // MARK: Calls come and go

    /// - Throws: `RegistryError.queueFull` when a call of this function may not be accepted now.
    func checkRoom(for function: String, bytes: Int) throws {
        guard state.withLock({ $0.waiting.hasRoom(for: function, bytes: bytes) }) else {
            throw RegistryError.queueFull(
                message: "too many asynchronous calls of \(function) wait already")
        }
    }

    /// Takes a call that has been accepted.
    func add(_ call: WaitingCall) {
        let nowNs = monotonicNs()
        let entry = WaitingCalls.Entry(call, nowNs: nowNs, nowMs: currentTimeMs())
        state.withLock { $0.waiting.add(entry, nowNs: nowNs) }
        wakeUps.continuation.yield()
    }

    /// Cancels a call that waits or is about to run.
    /// - Returns: false when it is not known here: it is over, or not asynchronous. One that has been
    ///   handed to the supervisor has to be cancelled there as well.
    func cancel(_ id: String) async throws -> Bool {
        let (entry, isTaken) = state.withLock { state in
            state.taken[id]?.wish = .cancelled
            return (state.waiting.remove(id), state.taken[id] != nil)
        }
        guard let entry else { return isTaken }
        do {
            let ended = try await registry.calls.endWaiting(id, isDead: false) { record, _ in
                record.fillCancelled("the call was cancelled")
            }
            if ended { publishEnd(entry, .cancelled) }
            return ended
        } catch {
            // It could not be written down, so it did not happen.
            state.withLock { $0.waiting.add(entry, nowNs: monotonicNs()) }
            throw error
        }
    }

    /// Who, other than the evaluator's own stop, wants a call that was taken to end.
    func endWish(_ id: String) -> EndWish? {
        state.withLock { $0.taken[id]?.wish }
    }

    /// Tells followers of the end of a call that no cell had.
    func publishEnd(_ entry: WaitingCalls.Entry, _ cause: CallCause) {
        let state: CallState = cause == .cancelled ? .cancelled : .failed
        hub.publish(
            .ended(
                .init(
                    call: entry.id, function: entry.function, state: state.rawValue,
                    cause: cause.rawValue)))
    }

    /// A call's place among the ready ones of its function, from 1; 0 for one whose next attempt is not
    /// due, and `nil` for one that does not wait here.
    func place(of id: String) -> Int? {
        state.withLock { $0.waiting.place(of: id) }
    }

    /// Whether a function's calls wait until somebody lets them go on.
    func isPaused(_ function: String) -> Bool { state.withLock { $0.waiting.isPaused(function) } }

    // MARK: Running

    func run() async throws {
        let calls = try await registry.calls.waitingCalls()
        for call in calls { add(call) }
        // What is stored of a version does not say what another API limits.
        state.withLock { $0.changed.formUnion(calls.map(\.function)) }
        if !calls.isEmpty {
            logger.notice("asynchronous calls wait", metadata: ["calls": "\(calls.count)"])
        }
        // When this ends, attempts that are under way are waited for.
        await withDiscardingTaskGroup { group in
            await withGracefulShutdownHandler {
                var alarm: Task<Void, Never>?
                var nextSweepNs: UInt64 = 0
                defer { alarm?.cancel() }
                for await _ in wakeUps.stream {
                    guard !state.withLock({ $0.isStopping }) else { break }
                    if monotonicNs() >= nextSweepNs {
                        await endExpired()
                        endExpiredTaken()
                        nextSweepNs = monotonicNs() + Self.sweepNs
                    }
                    for call in await claimNext() {
                        group.addTask { await self.attempt(call) }
                    }
                    alarm?.cancel()
                    alarm = wakeUp(after: nextPause())
                }
            } onGracefulShutdown: {
                self.state.withLock { $0.isStopping = true }
                self.wakeUps.continuation.finish()
            }
        }
    }

    private func nextPause() -> Duration {
        let now = monotonicNs()
        let due = state.withLock { $0.waiting.nextDueNs() } ?? .max
        // A template that is being started does not say when it can serve.
        let isWaiting = state.withLock { $0.waiting.hasReady }
        return .nanoseconds(
            min(due > now ? due - now : 0, isWaiting ? Self.pollNs : Self.sweepNs))
    }

    private func wakeUp(after pause: Duration) -> Task<Void, Never> {
        Task { [wakeUps] in
            // One that is cancelled must not wake anybody: it was cancelled because somebody woke.
            guard (try? await Task.sleep(for: pause)) != nil else { return }
            wakeUps.continuation.yield()
        }
    }

    /// Counts the attempts of the calls whose turn it is.
    private func claimNext() async -> [ClaimedCall] {
        guard state.withLock({ $0.waiting.hasReady || $0.waiting.nextDueNs() != nil }) else {
            return []
        }
        await readChangedLimits()
        let now = monotonicNs()
        let runtimes = Set(
            supervisor.status().filter { $0.state == .ready }.compactMap {
                FunctionRuntime(rawValue: $0.runtime.rawValue)
            })
        let entries = state.withLock { state in
            var entries: [WaitingCalls.Entry] = []
            while entries.count < Self.claimStep,
                let entry = state.waiting.next(nowNs: now, runtimes: runtimes)
            {
                state.taken[entry.id] = Taken(entry: entry)
                entries.append(entry)
            }
            return entries
        }
        guard !entries.isEmpty else { return [] }
        if entries.count == Self.claimStep { wakeUps.continuation.yield() }
        do {
            let claimed = try await registry.calls.claim(entries.map(\.id))
            let found = Set(claimed.map(\.record.id))
            for entry in entries where !found.contains(entry.id) { letGo(entry.id) }
            return claimed
        } catch {
            logger.error("cannot count attempts", metadata: ["reason": "\(error)"])
            for entry in entries { letGo(entry.id, dueInMs: Self.refusalMs) }
            return []
        }
    }
}
