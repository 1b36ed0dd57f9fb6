import Foundation
import Logging
import SandboxKit

/// How snapshots end, and what becomes of the calls that wait for one.
extension SupervisorCore {
    /// Cells of one that may end unparked, one after the other.
    private static let mostFailures = 2
    /// How often the kernel is asked how many tasks a snapshot has.
    static let lookStepNs: UInt64 = 1_000_000_000

    /// A snapshot that can serve no more: its keeper ends when the last of its calls has.
    func retire(_ snapshot: Snapshot) {
        if case .ready = snapshot.phase { snapshot.phase = .ending }
        snapshots.close(snapshot)
        for run in snapshot.lane.parked {
            run.phase = .ending(nil)
            run.cell.kill()
        }
        snapshot.lane.parked = []
        // Nobody waits for those that are on their way.
        for run in cells.values where run.template.snapshot === snapshot {
            if case .warming = run.phase { run.cell.kill() }
        }
        if snapshot.cells == 0 { snapshot.keeper?.cell.kill() }
    }

    /// One that waits to be loaded, and whose last call no longer waits for it.
    func dropUnwanted(_ snapshot: Snapshot?) {
        guard let snapshot, case .waiting = snapshot.phase, waitingCalls(of: snapshot).isEmpty
        else { return }
        snapshots.close(snapshot)
    }

    /// It was ready and has failed. Those that wait get another, unless it never served.
    func lose(_ snapshot: Snapshot, _ reason: String) {
        guard case .ready = snapshot.phase else { return }
        log.warning(
            "a snapshot was lost",
            metadata: ["template": "\(snapshot.lane.template?.name ?? "")", "reason": "\(reason)"])
        retire(snapshot)
        let waiting = waitingCalls(of: snapshot)
        if snapshot.parkings == 0 {
            fail(
                waiting,
                CallFailure(
                    cause: .crashed,
                    message:
                        "the snapshot of the loaded code was lost: \(snapshot.refusal ?? reason)"
                ), snapshot, exit: snapshot.exit)
        } else if let call = waiting.first {
            wantSnapshot(for: call)
        }
    }

    /// A cell of a snapshot is gone.
    func forkEnded(_ snapshot: Snapshot, wasParked: Bool) {
        snapshot.idleSinceNs = monotonicNs()
        snapshot.failures = wasParked ? 0 : snapshot.failures + 1
        if snapshot.failures > Self.mostFailures {
            lose(snapshot, "its forks end before they are ready")
        }
        if case .ending = snapshot.phase, snapshot.cells == 0 { snapshot.keeper?.cell.kill() }
    }

    /// The kernel's word that a keeper is gone, and its snapshot and all forks of it with it.
    /// - Parameter exit: the keeper's; `nil` when its template is gone.
    func keeperEnded(_ snapshot: Snapshot, _ run: CellRun, _ exit: ExitRecord?) {
        // What it said before it went.
        readKeeper(snapshot)
        if let template = snapshot.lane.template {
            reactor.remove(template.process.control)
            template.phase = .lost
            loseCells(of: template, "the function's snapshot ended")
        }
        snapshot.lane.template = nil
        snapshot.lane.parked = []
        snapshot.lane.warming = 0
        let waiting = waitingCalls(of: snapshot)
        switch snapshot.phase {
        case .loading:
            freeSlot(snapshot.key.function, snapshot.key.limits)
            snapshots.remove(snapshot)
            if let exit {
                let failure = verdict(snapshot, run, exit)
                for call in waiting { run.printEarly(to: call, keeping: true) }
                fail(waiting, failure, snapshot, exit: snapshot.exit ?? exit)
            } else if let call = waiting.first {
                wantSnapshot(for: call)
            }
        case .ready:
            // Its template went and took it along.
            if exit == nil { retire(snapshot) }
            lose(snapshot, snapshot.refusal ?? "its keeper ended")
            snapshots.remove(snapshot)
            if let call = waitingCalls(of: snapshot).first { wantSnapshot(for: call) }
        case .waiting, .ending:
            snapshots.remove(snapshot)
        }
        snapshot.phase = .ending
        snapshot.keeper = nil
    }

    /// Why the code did not load.
    private func verdict(_ snapshot: Snapshot, _ run: CellRun, _ exit: ExitRecord) -> CallFailure {
        let limits = snapshot.key.limits
        let own = run.cell.selfReport()
        let peak = run.slot.cgroup?.peakBytes()
        if let failure = snapshot.endedBecause {
            return Verdict.adding(cpuMs: (snapshot.exit ?? exit).cpuMs, to: failure)
        }
        if case .error(let frame) = run.answer?.event {
            let redactor = Redactor(snapshot.request.secrets)
            return CellError(frame, redactor: redactor)?.failure(
                limits: limits, peakBytes: peak, denial: own.denial)
                ?? invalid("its error cannot be read")
        }
        if let refusal = snapshot.refusal {
            return CallFailure(
                cause: .initError, message: CallCause.initError.explaining(refusal))
        }
        var failure = Verdict.failure(
            Verdict.Evidence(
                exit: snapshot.exit ?? exit,
                outOfMemory: run.slot.cgroup?.ranOutOfMemory() ?? false, peakMemoryBytes: peak,
                selfReport: own, limits: limits, cpuSeconds: Self.cpuSeconds(limits)))
        if [.crashed, .exited].contains(failure.cause) {
            failure.message = "while the code was loading: \(failure.message)"
        }
        return failure
    }

    private func fail(
        _ waiting: [CallRun], _ failure: CallFailure, _ snapshot: Snapshot, exit: ExitRecord?
    ) {
        for call in waiting {
            guard let ticket = call.ticket, queue.remove(ticket) != nil else { continue }
            call.fail(failure)
            report(call, cell: snapshot.keeper, exit: exit)
        }
    }

    /// Calls in the queue that are for a snapshot.
    func waitingCalls(of snapshot: Snapshot) -> [CallRun] {
        guard queue.waiting(snapshot.key.function) > 0 else { return [] }
        return calls.values.filter {
            $0.ticket != nil && $0.request.isolation == .snapshot
                && $0.request.version == snapshot.key.version
                && $0.request.function == snapshot.key.function
                && Snapshot.Key($0.request) == snapshot.key
        }
    }

    // MARK: time

    /// When something is due for a snapshot; `.max` when nothing is.
    var nextSnapshotNs: UInt64 {
        snapshots.kept.values.map { snapshot in
            guard case .ready = snapshot.phase else { return snapshot.loadedByNs }
            return min(
                idleUntilNs(snapshot), snapshot.lookNs, snapshot.lane.demand.restNs,
                snapshot.lane.refill.dueNs)
        }.min() ?? .max
    }

    /// When one that is ready has not been used for so long that it ends; `.max` while it is used.
    private func idleUntilNs(_ snapshot: Snapshot) -> UInt64 {
        guard snapshot.running == 0, queue.waiting(snapshot.key.function) == 0 else { return .max }
        return snapshot.idleSinceNs + (snapshot.isLast ? 0 : SnapshotLimits.idleNs)
    }

    func checkSnapshots(_ now: UInt64) {
        guard !snapshots.kept.isEmpty else { return }
        for run in Array(cells.values) where run.warmCheckNs <= now {
            if let snapshot = run.template.snapshot { checkWarming(run, of: snapshot, now) }
        }
        for snapshot in Array(snapshots.kept.values) {
            if snapshot.lane.demand.rest(nowNs: now) {
                shrink(snapshot.lane, to: snapshotLimits.parked + snapshot.lane.demand.ahead)
            }
            switch snapshot.phase {
            case .loading where snapshot.loadedByNs <= now:
                guard let keeper = snapshot.keeper else { continue }
                snapshot.loadedByNs = .max
                end(keeper, because: Verdict.timeout(snapshot.key.limits, loading: true))
            case .ready where idleUntilNs(snapshot) <= now:
                retire(snapshot)
            case .ready:
                if snapshot.lookNs <= now { countTasks(snapshot, now) }
                replenish(snapshot)
            default:
                break
            }
        }
    }

    /// The kernel's word that nothing was forked that is not a call's: a cell that is asked for leaves the
    /// keeper's group at once. Without groups the keeper alone looks.
    private func countTasks(_ snapshot: Snapshot, _ now: UInt64) {
        snapshot.lookNs = now + Self.lookStepNs
        guard snapshot.lane.warming == 0, let most = snapshot.tasks,
            let tasks = snapshot.keeper?.slot.cgroup?.tasks()
        else { return }
        // The keeper's helper may be there just now.
        if tasks > most + 1 || (tasks > most && snapshot.hadTaskMore) {
            return lose(snapshot, "it has \(tasks - most) tasks more than when its code was loaded")
        }
        snapshot.hadTaskMore = tasks > most
        // Threads that its runtime has let go do not come back.
        snapshot.tasks = min(most, tasks)
    }

    // MARK: deleted functions

    /// What is kept for a deleted function's calls ends, at once or with the last of those that it has now.
    func forget(_ function: String) {
        for call in calls.values where call.request.function == function { call.isLast = true }
        for run in Array(cells.values) where run.service?.key.function == function {
            run.service?.isLast = true
            if case .idle = run.phase { retire(run) }
        }
        for snapshot in Array(snapshots.current.values) where snapshot.key.function == function {
            snapshot.isLast = true
            dropUnwanted(snapshot)
            guard waitingCalls(of: snapshot).isEmpty else { continue }
            switch snapshot.phase {
            case .loading:
                guard let keeper = snapshot.keeper else { continue }
                end(
                    keeper,
                    because: CallFailure(
                        cause: .cancelled, message: "the function was deleted"))
            case .ready where snapshot.running == 0: retire(snapshot)
            case .waiting, .ready, .ending: break
            }
        }
    }
}
