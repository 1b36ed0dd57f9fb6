import Foundation
import Logging
import NIOCore
import SandboxKit

/// Snapshots from the first call's wish for one to the keeper's end.
extension SupervisorCore {
    /// One that nobody has called for this long is ended.
    private static let idleLimitNs: UInt64 = 600_000_000_000
    /// Cells of one that may end unparked, one after the other.
    private static let mostFailures = 2
    /// A fork that is not parked after this long is ended: what a module has asked for after a fork
    /// runs before.
    private static let parkLimitNs: UInt64 = 15_000_000_000
    /// Parked cells of each at rest, besides those for waiting calls.
    private static let parkedForks = 2

    /// Parked cells of each while calls come faster than cells are forked for them: a fork is put into
    /// its control group from outside, where the kernel waits for all processors (some 10 ms) when
    /// it has not done that just before.
    static func mostParkedForks(_ configuration: SupervisorConfiguration) -> Int {
        max(parkedForks, configuration.parked)
    }

    /// Most snapshots that are kept at once.
    static func mostSnapshots(_ configuration: SupervisorConfiguration) -> Int {
        max(2, min(configuration.slots, 16))
    }

    /// A call waits for a snapshot: sees to it that there is one, or will be.
    func wantSnapshot(for call: CallRun) {
        guard configuration.hasUserNamespaces else {
            if let ticket = call.ticket { queue.remove(ticket) }
            call.fail(
                CallFailure(
                    cause: .initError,
                    message:
                        "isolation snapshot needs user namespaces, which this evaluator runs without (userNamespaces=false): use isolation call"
                ))
            return report(call, cell: nil, exit: nil)
        }
        if let snapshot = snapshots[call.request], case .ready = snapshot.phase,
            runningCells < configuration.slots
        {
            snapshot.lane.demand.missed(
                nowNs: monotonicNs(),
                most: Self.mostParkedForks(configuration) - Self.parkedForks)
        }
        if snapshots[call.request] == nil, let lane = lanes[call.request.runtime] {
            snapshots.add(call.request, executor: lane.executor)
        }
        startSnapshots()
    }

    /// Gives parked cells to the snapshots that wait for one to become their keeper.
    func startSnapshots() {
        for snapshot in snapshots.waiting {
            guard runningCells < configuration.slots else { return }
            guard snapshots.kept.count < Self.mostSnapshots(configuration) else {
                if let idle = snapshots.oldestIdle(where: { waitingCalls(of: $0).isEmpty }) {
                    retire(idle)
                }
                return
            }
            guard let run = lanes[snapshot.key.runtime]?.parked.popLast() else { continue }
            start(snapshot, in: run)
        }
    }

    private func start(_ snapshot: Snapshot, in run: CellRun) {
        let limits = snapshot.key.limits
        snapshots.started(snapshot)
        snapshot.phase = .loading
        snapshot.keeper = run
        snapshot.loadedByNs = monotonicNs() + UInt64(limits.timeoutMs) * 1_000_000
        run.phase = .keeping(snapshot)
        runningCells += 1
        CellPriority.lower(run.cell, nice: CellPriority.nice(running: 0))
        do {
            try run.slot.cgroup?.limitMemory(bytes: limits.memoryMB << 20)
            let meta = snapshot.request.meta(callID: "", deadlineNs: snapshot.loadedByNs)
            var order = CellOrder(
                bundle: snapshot.key.bundle, tmpBytes: limits.tmpMB << 20,
                limits: snapshotLimits(limits, run))
            order.layers = snapshot.request.layers
            let process = try Template(
                keeper: run.cell, header: try order.keeperHeader(metaBytes: meta.count),
                filter: snapshot.lane.executor.snapshotFilter)
            let template = TemplateRun(
                process: process, name: "\(run.template.name)/snapshot-\(snapshot.number)")
            template.snapshot = snapshot
            snapshot.lane.template = template
            try reactor.add(
                process.control, token: Source.control(snapshot.number).token, for: .readable)
            if !run.send([ByteBuffer(bytes: meta)]) {
                try reactor.change(
                    run.cell.call, token: Source.call(run.cell.number).token,
                    for: [.readable, .writable])
            }
        } catch {
            end(
                run,
                because: CallFailure(
                    cause: .crashed, message: "the snapshot could not be set up: \(error)"))
        }
    }

    /// As of a call, but for two that the kernel counts for the forks too: the keeper bounds their
    /// CPU time, and the groups their tasks.
    private func snapshotLimits(_ limits: CallLimits, _ run: CellRun) -> [CellOrder.Limit] {
        resourceLimits(limits, run).map { limit in
            switch limit.resource {
            case .cpuSeconds: .init(.cpuSeconds, limit.soft, hard: .max)
            case .tasks: .init(.tasks, UInt64(CgroupSlot.maximumSharedTasks))
            default: limit
            }
        }
    }

    // MARK: what keepers say

    func readKeeper(_ snapshot: Snapshot) {
        guard let template = snapshot.lane.template else { return }
        for _ in 0..<64 {
            guard let message = template.process.receive() else { return }
            switch message {
            case .ready: becameReady(snapshot)
            case .spawned(let number, let process): spawned(number, process)
            case .spawnFailed(let number, let code):
                guard let run = cells[number] else { continue }
                snapshot.lane.warming -= 1
                discard(run)
                lose(snapshot, "it cannot be forked: \(errorText(code))")
            case .exited(let number, let exit):
                if let run = cells[number] { ended(run, exit) }
            case .lost(let exit):
                snapshot.exit = exit
                if case .ready = snapshot.phase { lose(snapshot, "\(exit.status)") }
            case .refused(let reason):
                snapshot.refusal = String(reason.prefix(400))
            case .launched, .failed:
                lose(snapshot, "its keeper broke off its protocol")
            case .closed:
                reactor.remove(template.process.control)
                snapshot.keeper?.cell.kill()
                return
            }
        }
    }

    private func becameReady(_ snapshot: Snapshot) {
        // One that was ended for its time while it said so has failed to load.
        guard case .loading = snapshot.phase, snapshot.endedBecause == nil,
            let keeper = snapshot.keeper, let template = snapshot.lane.template
        else { return }
        runningCells -= 1
        snapshot.phase = .ready
        snapshot.loadedByNs = .max
        snapshot.idleSinceNs = monotonicNs()
        template.phase = .ready
        template.readyNs = monotonicNs()
        // One fork on its way to its own group, and a helper of the keeper.
        keeper.slot.cgroup?.limitFurtherTasks(2)
        hear(keeper, keeper.reader.read())
        for stream in [LogLine.Stream.stdout, .stderr] {
            _ = keeper.readOutput(stream, rounds: 16)
        }
        if let first = waitingCalls(of: snapshot).min(by: { $0.clock.startNs < $1.clock.startNs }) {
            keeper.printEarly(to: first)
            announceLines(first)
        }
        replenish(snapshot)
    }

    /// Keeps forks parked, and one ahead for every waiting call.
    func replenish(_ snapshot: Snapshot) {
        guard case .ready = snapshot.phase, let template = snapshot.lane.template else { return }
        let waiting = queue.waiting(snapshot.key.function)
        guard !isStopping || waiting > 0 else { return }
        let wanted =
            parkedWanted(snapshot) + min(waiting, max(0, configuration.slots - runningCells))
        while snapshot.lane.parked.count + snapshot.lane.warming < wanted,
            let slot = freeSlots.popLast()
        {
            guard makeCell(in: snapshot.lane, of: template, slot) else { return }
            snapshot.cells += 1
        }
    }

    private func parkedWanted(_ snapshot: Snapshot) -> Int {
        min(Self.parkedForks, configuration.parked) + snapshot.lane.demand.ahead
    }

    // MARK: ends

    /// A snapshot that can serve no more: its keeper ends when the last of its calls has.
    func retire(_ snapshot: Snapshot) {
        if case .ready = snapshot.phase { snapshot.phase = .ending }
        snapshots.close(snapshot)
        for run in snapshot.lane.parked {
            run.phase = .ending(nil)
            run.cell.kill()
        }
        snapshot.lane.parked = []
        if snapshot.cells == 0 { snapshot.keeper?.cell.kill() }
    }

    /// It was ready and has failed. Those that wait get another, unless it never served.
    private func lose(_ snapshot: Snapshot, _ reason: String) {
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
            runningCells -= 1
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
            return CallFailure(cause: .initError, message: "the code did not load: \(refusal)")
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
    private func waitingCalls(of snapshot: Snapshot) -> [CallRun] {
        guard queue.waiting(snapshot.key.function) > 0 else { return [] }
        return calls.values.filter {
            $0.ticket != nil && $0.request.isolation == .snapshot
                && $0.request.function == snapshot.key.function
                && Snapshot.Key($0.request) == snapshot.key
        }
    }

    // MARK: time

    /// When something is due for a snapshot; `.max` when nothing is.
    var nextSnapshotNs: UInt64 {
        snapshots.kept.values.map {
            guard case .ready = $0.phase else { return $0.loadedByNs }
            return min($0.idleSinceNs + Self.idleLimitNs, $0.lane.demand.restNs)
        }.min() ?? .max
    }

    func checkSnapshots(_ now: UInt64) {
        guard !snapshots.kept.isEmpty else { return }
        for run in cells.values where run.template.snapshot != nil {
            if case .warming = run.phase, now >= run.madeNs + Self.parkLimitNs { run.cell.kill() }
        }
        for snapshot in Array(snapshots.kept.values) {
            if snapshot.lane.demand.rest(nowNs: now) {
                shrink(snapshot.lane, to: parkedWanted(snapshot))
            }
            switch snapshot.phase {
            case .loading where snapshot.loadedByNs <= now:
                guard let keeper = snapshot.keeper else { continue }
                snapshot.loadedByNs = .max
                end(keeper, because: Verdict.timeout(snapshot.key.limits, loading: true))
            case .ready
            where snapshot.running == 0 && now >= snapshot.idleSinceNs + Self.idleLimitNs:
                if waitingCalls(of: snapshot).isEmpty { retire(snapshot) }
            default:
                break
            }
        }
    }
}
