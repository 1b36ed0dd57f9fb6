import Logging
import SandboxKit

/// How cells come to be parked.
extension SupervisorCore {
    /// Parked cells of a language that only functions which run nothing may have.
    var keptParked: Int { configuration.parked > 1 ? 1 : 0 }

    /// Keeps the wished number of cells parked, and one forked ahead for every waiting call.
    func replenish(_ lane: Lane) {
        guard let template = lane.template, case .ready = template.phase,
            !isStopping || !queue.isEmpty(lane.executor.runtime)
        else { return lane.refill = Refill() }
        let waiting = queue.startable(
            lane.executor.runtime, atMost: configuration.slots,
            where: { $0.request.isolation != .snapshot && !hasNoSlot(for: $0.request.limits) })
        let atRest = configuration.parked + lane.demand.ahead
        // Snapshots that wait for one take slots as calls do, and no more of them can than there are.
        let loading = snapshots.waiting.count { $0.key.runtime == lane.executor.runtime }
        let further = min(waiting + loading, max(0, configuration.slots - runningCells))
        let forks = lane.refill.forks(
            nowNs: monotonicNs(), ready: lane.parked.count + lane.warming, kept: keptParked,
            atRest: atRest, further: further, hurries: waiting > 0 || further > 0)
        for _ in 0..<forks {
            guard let slot = freeSlots.popLast() else {
                // Its place comes back when it is gone, and is then asked for again.
                if coolingSlots.isEmpty, let oldest = idle.oldest { retire(oldest) }
                return
            }
            let hurries = lane.parked.count + lane.warming < waiting
            guard makeCell(in: lane, of: template, slot, hurries: hurries) else { return }
        }
    }

    /// Ends parked cells that the demand of the moment does not ask for.
    func shrink(_ lane: Lane, to wanted: Int) {
        while lane.parked.count + lane.warming > wanted, !lane.parked.isEmpty {
            let run = lane.parked.removeFirst()
            run.phase = .ending(nil)
            run.cell.kill()
        }
    }

    /// Asks a template for a cell. Returns whether it could be asked.
    /// - Parameter hurries: a call waits for it.
    func makeCell(in lane: Lane, of template: TemplateRun, _ slot: Slot, hurries: Bool = false)
        -> Bool
    {
        // 0 is no cell's: see CW_LOST.
        lastCell = lastCell == .max ? 1 : lastCell + 1
        do {
            let cell = try template.process.requestCell(
                lastCell, uid: slot.uid, slot: slot.cgroup, hurries: hurries)
            let run = CellRun(
                cell: cell, slot: slot, template: template,
                reader: CellReader(
                    call: cell.call, resultLimit: configuration.resultBytes,
                    check: configuration.checkResult))
            cells[cell.number] = run
            lane.warming += 1
            if template.snapshot != nil { run.warmCheckNs = run.madeNs + SnapshotLimits.warmNs }
            try reactor.add(cell.call, token: Source.call(cell.number).token, for: .readable)
            try reactor.add(
                cell.standardOutput, token: Source.output(cell.number).token, for: .readable)
            try reactor.add(
                cell.standardError, token: Source.errors(cell.number).token, for: .readable)
            return true
        } catch {
            log.error("cannot make a cell", metadata: ["reason": "\(error)"])
            freeSlots.append(slot)
            return false
        }
    }

    // MARK: forks of snapshots

    /// Keeps forks parked, and one ahead for every waiting call.
    func replenish(_ snapshot: Snapshot) {
        let lane = snapshot.lane
        let waiting = queue.waiting(snapshot.key.function)
        guard case .ready = snapshot.phase, let template = lane.template,
            !isStopping || waiting > 0
        else { return lane.refill = Refill() }
        let more = min(waiting, max(0, configuration.slots - runningCells))
        let ready = lane.parked.count + lane.warming
        let allowed = snapshotLimits.forks(
            ahead: lane.demand.ahead, waiting: more, ready: ready,
            warming: snapshots.warming(snapshot.key.function), hasFailed: snapshot.failures > 0)
        let forks = min(
            allowed,
            lane.refill.forks(
                nowNs: monotonicNs(), ready: ready, kept: 0,
                atRest: snapshotLimits.parked + lane.demand.ahead, further: more,
                hurries: waiting > 0))
        for _ in 0..<forks {
            guard let slot = freeSlots.popLast() else { return }
            guard makeCell(in: lane, of: template, slot) else { return }
            snapshot.cells += 1
        }
    }

    /// A fork that is not parked yet has been running code of its function for longer than forks do. It counts
    /// as a call of it, and is ended when it takes too long.
    func checkWarming(_ run: CellRun, of snapshot: Snapshot, _ now: UInt64) {
        guard run.warmCheckNs <= now else { return }
        run.warmCheckNs = .max
        guard case .warming = run.phase else { return }
        let endNs = run.madeNs + SnapshotLimits.parkNs(timeoutMs: snapshot.key.limits.timeoutMs)
        if now >= endNs { return run.cell.kill() }
        run.warmCheckNs = endNs
        guard !run.countsAsRunning else { return }
        run.countsAsRunning = true
        CellPriority.lower(
            run.cell, nice: CellPriority.nice(running: queue.running(snapshot.key.function)))
        queue.started(snapshot.key.function)
    }

    func stopCounting(_ run: CellRun) {
        guard run.countsAsRunning, let snapshot = run.template.snapshot else { return }
        run.countsAsRunning = false
        queue.ended(snapshot.key.function)
    }
}
