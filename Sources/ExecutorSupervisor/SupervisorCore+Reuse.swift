import Glibc
import SandboxKit

/// Cells that serve call after call of one function, one at a time.
extension SupervisorCore {
    /// An idle cell is stopped after this long: nothing that a call left behind runs between calls.
    /// Until then it may be given the next call without being woken first.
    private static let freezeNs: UInt64 = 10_000_000
    /// An idle cell is ended after this long.
    private static let idleLimitNs: UInt64 = 300_000_000_000

    /// A cell is given a call: its first, or the next.
    func beginService(_ run: CellRun, _ call: CallRun) {
        guard var service = run.service else { return }
        if service.isFrozen { run.cell.thaw() }
        service.isFrozen = false
        service.isLast = call.isLast
        service.begin(nowNs: call.startedNs, cpuLimitNs: Self.cpuLimitNs(call))
        run.reader.expect(service.number)
        run.service = service
        run.printEarly(to: call)
    }

    /// It has answered and waits for its function's next call.
    func serveOn(_ run: CellRun, after call: CallRun) {
        guard call.endedBecause == nil, let answer = run.answer else { return }
        run.answer = nil
        answered(call, answer.event, answer.fault, run)
        leaveRunning(call)
        let cpuMs = run.service?.finish(nowNs: call.settledNs) ?? 0
        run.phase = .idle
        report(
            call, cell: run,
            exit: ExitRecord(status: .exited(0), cpuMs: cpuMs, peakResidentBytes: 0))
        // Where memory ran out and the handler lived on, the next call would find none either.
        guard !isStopping || queue.count > 0, call.failure?.cause != .outOfMemory,
            run.service?.isLast == false
        else {
            return retire(run)
        }
        idle.add(run)
        if queue.count > 0 { startQueued() }
        // One that the queue had no use for gives way when too many are kept.
        if idle.count > configuration.slots, let oldest = idle.oldest { retire(oldest) }
    }

    /// Ends an idle cell. Its place comes back when the kernel says that it is gone.
    func retire(_ run: CellRun) {
        idle.remove(run)
        run.phase = .ending(nil)
        run.cell.kill()
    }

    /// When something is due for a cell that serves on; `nil` for others.
    func nextServiceNs(_ run: CellRun) -> UInt64? {
        guard let service = run.service else { return nil }
        guard case .idle = run.phase else { return service.cpuCheckNs }
        return service.idleSinceNs + (service.isFrozen ? Self.idleLimitNs : Self.freezeNs)
    }

    /// Stops and ends idle cells in time, and ends calls that have used up their CPU time. The
    /// kernel's own limit counts from the start of the process, over all its calls.
    func checkServing(_ now: UInt64) {
        for run in Array(cells.values) {
            guard var service = run.service else { continue }
            switch run.phase {
            case .running(let call) where service.cpuCheckNs <= now && call.endedBecause == nil:
                let isOver = service.isOverCPU(nowNs: now, limitNs: Self.cpuLimitNs(call))
                run.service = service
                if isOver {
                    run.service?.finish(nowNs: now)
                    let usedMs = Double(service.callCPUNs) / 1_000_000
                    end(
                        run,
                        because: Verdict.cpuLimit(
                            seconds: Self.cpuSeconds(call.request.limits), usedMs: usedMs))
                }
            case .idle where now >= service.idleSinceNs + Self.idleLimitNs:
                retire(run)
            case .idle where !service.isFrozen && now >= service.idleSinceNs + Self.freezeNs:
                run.service?.isFrozen = true
                run.cell.freeze()
            default:
                break
            }
        }
    }

    private static func cpuLimitNs(_ call: CallRun) -> UInt64 {
        UInt64(cpuSeconds(call.request.limits)) * 1_000_000_000
    }
}
