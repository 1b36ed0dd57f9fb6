import ExecutorSupervisor
import FunctionRegistry
import Logging
import NIOCore
import Synchronization

/// One attempt of a call, from its function to its place, and those that come too late for one.
extension AsyncDispatcher {
    func attempt(_ call: ClaimedCall) async {
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
            guard !function.isPaused else {
                functionChanged(call.record.function)
                return giveBack()
            }
            try journal.begin(call, function.version)
            let request = CallRequest(
                id, function, ByteBuffer(bytes: call.event), trace: call.record.async?.trace)
            _ = try await supervisor.invoke(request)
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
    func attemptOver(_ id: String, _ outcome: AttemptOutcome) {
        switch outcome {
        case .retry(let atMs), .returned(let atMs): letGo(id, dueInMs: atMs - currentTimeMs())
        case .over, .dead: letGo(id)
        }
    }

    /// Gives a taken call's place back, and puts the call back where it is to be tried again.
    func letGo(_ id: String, dueInMs: Int64? = nil) {
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
    func endExpiredTaken() {
        let now = monotonicNs()
        let old = state.withLock { state in
            state.taken.values.filter { $0.entry.expiresNs < now && $0.wish == nil }.map(\.entry.id)
        }
        for id in old where supervisor.waiting(id: id) != nil {
            state.withLock { $0.taken[id]?.wish = .tooOld }
            _ = supervisor.cancel(id: id)
        }
    }

    func endExpired() async {
        var entries = state.withLock { $0.waiting.takeExpired(nowNs: monotonicNs()) }[...]
        while let entry = entries.first {
            do {
                _ = try await registry.calls.endWaiting(entry.id, isDead: true) {
                    record, settings in
                    record.fillExpired(maxAgeMs: settings.maxAgeMs)
                }
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
