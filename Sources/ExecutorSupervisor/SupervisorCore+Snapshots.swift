import Foundation
import Logging
import NIOCore
import SandboxKit

/// Snapshots from the first call's wish for one to the keeper's end.
extension SupervisorCore {
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
                nowNs: monotonicNs(), most: snapshotLimits.mostForks - snapshotLimits.parked)
        }
        if snapshots[call.request] == nil, let lane = lanes[call.request.runtime] {
            snapshots.add(call.request, executor: lane.executor).isLast = call.isLast
        }
        startSnapshots()
    }

    /// Gives parked cells to the snapshots that wait for one to become their keeper, on the terms of calls:
    /// one that loads counts as a running call of its function, and those of functions that run least go
    /// first.
    func startSnapshots() {
        var held = Held()
        while runningCells < configuration.slots, let snapshot = nextToLoad(besides: held) {
            switch makeRoom(for: snapshot) {
            case .free:
                guard let run = lanes[snapshot.key.runtime]?.parked.popLast() else { return }
                start(snapshot, in: run)
            case .ofItsOwn: held.functions.insert(snapshot.key.function)
            case .ofLong: held.areLong = true
            case .ofAny: return
            }
        }
    }

    /// What there is no room for now.
    private struct Held {
        var functions: Set<String> = []
        var areLong = false
    }

    /// The snapshot that is to be loaded next: one pass over those that wait.
    private func nextToLoad(besides held: Held) -> Snapshot? {
        guard !snapshots.waiting.isEmpty, lanes.values.contains(where: { !$0.parked.isEmpty })
        else { return nil }
        var best: (snapshot: Snapshot, running: Int)?
        for snapshot in snapshots.waiting {
            let function = snapshot.key.function
            let running = queue.running(function)
            guard running < best?.running ?? .max, !held.functions.contains(function),
                !(held.areLong && isLong(snapshot.key.limits)),
                !hasNoSlot(for: snapshot.key.limits),
                let lane = lanes[snapshot.key.runtime], !lane.parked.isEmpty,
                queue.maySpend(
                    function, concurrency: snapshot.request.concurrency,
                    newcomersOnly: keepsForNewcomers(lane))
            else { continue }
            best = (snapshot, running)
        }
        return best?.snapshot
    }

    /// Looks for room for a snapshot. Where there is none, one that is not used gives way for it.
    private func makeRoom(for snapshot: Snapshot) -> SnapshotLimits.Room {
        let function = snapshot.key.function
        let room = snapshotLimits.room(
            own: snapshots.kept(of: function),
            long: isLong(snapshot.key.limits)
                ? snapshots.kept.values.count { isLong($0.key.limits) } : nil,
            all: snapshots.kept.count)
        guard room != .free, !snapshots.isOneGoing else { return room }
        let idle = snapshots.oldestIdle { other in
            let isMeant =
                switch room {
                case .free, .ofAny: true
                case .ofLong: isLong(other.key.limits)
                case .ofItsOwn: other.key.function == function
                }
            return isMeant && waitingCalls(of: other).isEmpty
        }
        if let idle { retire(idle) }
        return room
    }

    private func start(_ snapshot: Snapshot, in run: CellRun) {
        let limits = snapshot.key.limits
        snapshots.started(snapshot)
        snapshot.phase = .loading
        snapshot.keeper = run
        snapshot.loadedByNs = monotonicNs() + UInt64(limits.timeoutMs) * 1_000_000
        run.phase = .keeping(snapshot)
        takeSlot(snapshot.key.function, limits)
        CellPriority.lower(run.cell, nice: CellPriority.nice(running: 0))
        do {
            try run.slot.cgroup?.limitMemory(bytes: limits.memoryMB << 20)
            let meta = snapshot.request.meta(callID: "", deadlineNs: snapshot.loadedByNs)
            var order = CellOrder(
                bundle: snapshot.key.bundle, tmpBytes: limits.tmpMB << 20,
                limits: snapshotLimits(limits, run))
            order.layers = snapshot.request.layers
            order.isTask = snapshot.request.isTask
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

    /// As of a call, but for two: the CPU time of a call is what it may use to load and what each fork may
    /// use, and there is a limit for all its life that nothing raises; and tasks are counted for the forks
    /// too, which their groups bound.
    private func snapshotLimits(_ limits: CallLimits, _ run: CellRun) -> [CellOrder.Limit] {
        resourceLimits(limits, run).map { limit in
            switch limit.resource {
            case .cpuSeconds:
                .init(
                    .cpuSeconds, limit.soft,
                    hard: limit.soft + UInt64(SnapshotLimits.lifeSeconds))
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
        freeSlot(snapshot.key.function, snapshot.key.limits)
        snapshot.phase = .ready
        snapshot.loadedByNs = .max
        snapshot.idleSinceNs = monotonicNs()
        template.phase = .ready
        template.readyNs = monotonicNs()
        // One fork on its way to its own group, and a helper of the keeper.
        snapshot.tasks = keeper.slot.cgroup?.tasks()
        snapshot.lookNs = monotonicNs() + Self.lookStepNs
        keeper.slot.cgroup?.limitFurtherTasks(2)
        hear(keeper, keeper.reader.read())
        for stream in [LogLine.Stream.stdout, .stderr] {
            _ = keeper.readOutput(stream, rounds: 16)
        }
        if let first = waitingCalls(of: snapshot).min(by: { $0.clock.startNs < $1.clock.startNs }) {
            keeper.printEarly(to: first)
            announceLines(first)
        }
        snapshot.lane.refill.hurry()
        replenish(snapshot)
    }
}
