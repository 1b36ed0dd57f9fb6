import ExecutorSupervisor
import FunctionRegistry
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// Runs asynchronous calls: takes them from the registry's queue when it is their turn, counts the
/// attempt, and hands it to the supervisor. `CallJournal` decides what an attempt's end leads to.
final class AsyncDispatcher: Service {
    private struct State {
        var waiting: WaitingCalls
        /// Calls that have been taken, until their attempt is over.
        var taken: [String: Taken] = [:]
        var isStopping = false
    }

    private struct Taken {
        var entry: WaitingCalls.Entry
        var wish: EndWish?
    }

    private let registry: FunctionRegistry
    private let cache: FunctionCache
    private let journal: CallJournal
    private let supervisor: any CallSupervising
    private let hub: LogHub
    private let logger: Logger
    private let state: Mutex<State>
    private let wakeUps: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)

    /// When a call that the supervisor or the store refused is tried again.
    private static let refusalMs: Int64 = 1000
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
            let ended = try await registry.calls.endWaiting(id, isDead: false, webhookURL: nil) {
                $0.fillCancelled("the call was cancelled")
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
    private func endWish(_ id: String) -> EndWish? {
        state.withLock { $0.taken[id]?.wish }
    }

    /// Tells followers of the end of a call that no cell had.
    private func publishEnd(_ entry: WaitingCalls.Entry, _ cause: CallCause) {
        let state: CallState = cause == .cancelled ? .cancelled : .failed
        hub.publish([
            .end(
                .init(
                    call: entry.id, function: entry.function, state: state.rawValue,
                    cause: cause.rawValue))
        ])
    }

    /// A call's place among the ready ones of its function, from 1; 0 for one whose next attempt is not
    /// due, and `nil` for one that does not wait here.
    func place(of id: String) -> Int? {
        state.withLock { $0.waiting.place(of: id) }
    }

    // MARK: Running

    func run() async throws {
        let calls = try await registry.calls.waitingCalls()
        for call in calls { add(call) }
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

    private func attempt(_ call: ClaimedCall) async {
        let id = call.record.id
        func end(_ outcome: AttemptOutcome, _ update: (inout CallRecord) -> Void) {
            registry.calls.recordAttempt(
                id: id, log: [], outcome: outcome, webhookURL: nil, update: update)
            attemptOver(id, outcome)
        }
        func endCancelled() {
            end(.over(result: nil)) { $0.fillCancelled("the call was cancelled") }
        }
        func giveBack() {
            if endWish(id) == .cancelled { return endCancelled() }
            end(.returned(atMs: currentTimeMs() + Self.refusalMs)) { $0.state = .queued }
        }
        if endWish(id) == .cancelled { return endCancelled() }
        do {
            guard
                let function = try await cache.find(
                    call.record.function, version: call.record.version)
            else { throw RegistryError.bundleGone(sha256: "") }
            try journal.begin(call, function.version)
            let event = ByteBuffer(bytes: call.event)
            _ = try await supervisor.invoke(CallRequest(id, function, event))
        } catch RegistryError.bundleGone {
            // It can be replayed when there is such a function again.
            end(.dead) { $0.fillCancelled("the function was deleted before the call could run") }
        } catch is CallRejection {
            journal.abandon(id)
            giveBack()
        } catch {
            logger.error(
                "cannot run an asynchronous call",
                metadata: ["call": "\(id)", "reason": "\(error)"])
            journal.abandon(id)
            giveBack()
        }
    }

    /// An attempt is over; called with the supervisor's lock held.
    private func attemptOver(_ id: String, _ outcome: AttemptOutcome) {
        switch outcome {
        case .retry(let atMs), .returned(let atMs): letGo(id, dueInMs: atMs - currentTimeMs())
        case .over, .dead: letGo(id)
        }
    }

    /// Gives a taken call's place back, and puts the call back where it is to be tried again.
    private func letGo(_ id: String, dueInMs: Int64? = nil) {
        let nowNs = monotonicNs()
        state.withLock { state in
            guard let taken = state.taken.removeValue(forKey: id) else { return }
            var entry = taken.entry
            state.waiting.finished(function: entry.function)
            if let dueInMs {
                entry.dueNs = nowNs + UInt64(max(0, dueInMs)) * 1_000_000
                state.waiting.add(entry, nowNs: nowNs)
            }
        }
        wakeUps.continuation.yield()
    }

    /// Ends calls that have grown too old while they wait, behind others, for a cell.
    private func endExpiredTaken() {
        let now = monotonicNs()
        let old = state.withLock { state in
            state.taken.values.filter { $0.entry.expiresNs < now && $0.wish == nil }.map(\.entry.id)
        }
        for id in old where supervisor.waiting(id: id) != nil {
            state.withLock { $0.taken[id]?.wish = .tooOld }
            _ = supervisor.cancel(id: id)
        }
    }

    private func endExpired() async {
        var entries = state.withLock { $0.waiting.takeExpired(nowNs: monotonicNs()) }[...]
        while let entry = entries.first {
            do {
                let record = try await registry.calls.call(entry.id)
                let function = try await cache.find(entry.function, version: record?.version)
                let longestMs = function?.version.async?.maxAgeMs ?? AsyncSettings().maxAgeMs
                _ = try await registry.calls.endWaiting(
                    entry.id, isDead: true,
                    webhookURL: function?.version.async?.webhook(for: .failed)
                ) { $0.fillExpired(maxAgeMs: longestMs) }
                publishEnd(entry, .expired)
            } catch {
                logger.error(
                    "cannot end a call that has grown too old",
                    metadata: ["call": "\(entry.id)", "reason": "\(error)"])
                let left = entries
                state.withLock { state in
                    for entry in left { state.waiting.add(entry, nowNs: monotonicNs()) }
                }
                return
            }
            entries.removeFirst()
        }
    }
}

extension WaitingCalls.Entry {
    /// - Parameters:
    ///   - nowNs: the clock that never goes back, and `nowMs` the one that the call's times are of.
    init(_ call: WaitingCall, nowNs: UInt64, nowMs: Int64) {
        // Of a clock that was set back, the stored times can be hours away: no pause is that long.
        let longest = Int64(AsyncSettings.longestBackoffMs)
        let dueInMs = min(max(0, call.dueAtMs - nowMs), longest)
        let expiresInMs = min(
            max(0, call.expiresAtMs - nowMs), Int64(AsyncSettings.maxAgeMsRange.upperBound))
        self.init(
            id: call.id, function: call.function, runtime: call.runtime,
            concurrency: call.concurrency,
            dueNs: nowNs + UInt64(dueInMs) * 1_000_000,
            expiresNs: nowNs + UInt64(expiresInMs) * 1_000_000, bytes: call.bytes)
    }
}
