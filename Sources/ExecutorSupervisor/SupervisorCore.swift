import Glibc
import Logging
import NIOCore
import SandboxKit

/// The supervisor's state and every change to it. Not thread-safe: `ExecutorSupervisor` holds it
/// behind one lock, and nothing in here waits.
///
/// Calls arrive here, templates and cells are looked after in `SupervisorCore+Templates` and
/// `SupervisorCore+Cells`.
final class SupervisorCore {
    let configuration: SupervisorConfiguration
    let observer: any CallObserver
    let log: Logger
    let reactor: Reactor
    let cgroups: CgroupTree
    let isRoot = geteuid() == 0
    var lanes: [Runtime: Lane] = [:]
    var cells: [UInt32: CellRun] = [:]
    var calls: [String: CallRun] = [:]
    var queue: FairQueue<CallRun>
    let outbox = Outbox()
    var pace = QueuePace()
    var freeSlots: [Slot] = []
    /// Slots whose last cell's memory the kernel has not given back yet.
    var coolingSlots: [Slot] = []
    var lastCell: UInt32 = 0
    /// Cells that wait for the next call of their function.
    var idle = IdleCells()
    var snapshots = Snapshots()
    let snapshotLimits: SnapshotLimits
    var runningCells = 0
    /// Running calls, and snapshots that load, that may take longer than `longMs`.
    var longRunning = 0
    var isStopping = false
    /// Calls that may take longer than this get three quarters of the slots.
    static let longMs = 60_000
    /// A template that is not ready after this long is started anew.
    static let startLimitNs: UInt64 = 30_000_000_000
    /// When the thread that waits will look at the deadlines again by itself.
    var sleepingUntilNs: UInt64 = 0

    init(
        configuration: SupervisorConfiguration, observer: any CallObserver, log: Logger,
        reactor: Reactor,
        executors: [PreparedExecutor]
    ) throws {
        self.configuration = configuration
        self.observer = observer
        self.log = log
        self.reactor = reactor
        queue = FairQueue(limits: AdmissionLimits(calls: configuration.queueLimit))
        snapshotLimits = SnapshotLimits(
            slots: configuration.slots, parked: configuration.parked)
        // A world's ids are the host's own where it has no user namespace.
        let firstUser =
            configuration.hasUserNamespaces ? 1000 : World.IDRange.cells.first + 1000
        cgroups =
            configuration.hasUserNamespaces ? CgroupTree() : CgroupTree(owner: nil)
        for executor in executors { lanes[executor.runtime] = Lane(executor) }
        for index in 0..<configuration.places {
            freeSlots.append(
                Slot(
                    index: index, uid: isRoot ? firstUser + UInt32(index) : 0,
                    cgroup: try cgroups.makeSlot(index)))
        }
    }

    // MARK: calls

    /// Takes a call or refuses it. Returns whether the waiting thread must look at deadlines anew.
    func submit(_ request: CallRequest, _ continuation: CheckedContinuation<CallReply, any Error>)
        -> Bool
    {
        guard !isStopping else {
            continuation.resume(throwing: CallRejection.stopping)
            return false
        }
        guard let lane = lanes[request.runtime], lane.isHopeful else {
            let reason =
                lanes[request.runtime]?.detail
                ?? "this evaluator has no \(request.runtime.rawValue) executor"
            continuation.resume(
                throwing: CallRejection.notReady(runtime: request.runtime, reason: reason))
            return false
        }
        let (function, bytes) = (request.function, request.event.readableBytes)
        let startsAtOnce =
            runningCells < configuration.slots
            && queue.mayStart(
                function, request.runtime, concurrency: request.concurrency,
                offer(for: request, in: lane))
        guard startsAtOnce || queue.admits(function, bytes: bytes) else {
            continuation.resume(
                throwing: CallRejection.queueFull(
                    retryAfterSeconds: pace.retryAfterSeconds(waiting: queue.count)))
            return false
        }
        let call = CallRun(
            request, logLimit: configuration.logBytes, continuation: continuation, outbox: outbox)
        calls[request.id] = call
        if startsAtOnce, let cell = takeCell(for: request, in: lane) {
            start(call, in: cell)
        } else {
            if lane.parked.isEmpty, runningCells < configuration.slots,
                request.isolation != .snapshot
            {
                lane.demand.missed(nowNs: monotonicNs(), most: configuration.slots)
            }
            call.ticket = queue.append(
                call, function: function, runtime: request.runtime,
                concurrency: request.concurrency, bytes: bytes)
        }
        if request.isolation == .snapshot {
            if call.ticket != nil { wantSnapshot(for: call) }
            if let snapshot = snapshots[request] { replenish(snapshot) }
        }
        replenish(lane)
        let slicesNs = call.startedNs > 0 ? call.startedNs + CellPriority.soonNs : .max
        return min(
            call.deadlineNs, slicesNs, nextSnapshotNs, lane.refill.dueNs
        ) < sleepingUntilNs
    }

    /// Whether what is free is kept for functions that run nothing: the last slot, and a lane's
    /// last parked cell. One function's flood takes neither, so a newcomer need not wait for it.
    func keepsForNewcomers(_ lane: Lane) -> Bool {
        runningCells >= openSlots || lane.parked.count <= keptParked
    }

    /// What a call could start in now.
    func offer(for request: CallRequest, in lane: Lane) -> FairQueue<CallRun>.Offer {
        if hasNoSlot(for: request.limits) { return .nothing }
        if request.isolation == .snapshot {
            return snapshots[request]?.lane.parked.isEmpty == false
                ? .cell(newcomersOnly: runningCells >= openSlots) : .nothing
        }
        if idle.cell(for: request) != nil {
            return .cell(newcomersOnly: runningCells >= openSlots)
        }
        return lane.parked.isEmpty ? .nothing : .cell(newcomersOnly: keepsForNewcomers(lane))
    }

    private func takeCell(for request: CallRequest, in lane: Lane) -> CellRun? {
        if request.isolation == .snapshot { return snapshots[request]?.lane.parked.popLast() }
        guard let run = idle.cell(for: request) else { return lane.parked.popLast() }
        idle.remove(run)
        return run
    }

    /// Slots for functions that run something already.
    var openSlots: Int { configuration.slots >= 4 ? configuration.slots - 1 : configuration.slots }

    /// Most slots of calls that may take long: they leave some that are soon free again.
    var longSlots: Int {
        configuration.slots >= 4
            ? configuration.slots - configuration.slots / 4 : configuration.slots
    }

    func hasNoSlot(for limits: CallLimits) -> Bool {
        isLong(limits) && longRunning >= longSlots
    }

    func isLong(_ limits: CallLimits) -> Bool { limits.timeoutMs > Self.longMs }

    /// Something takes a slot: a call, or a snapshot that loads for calls.
    func takeSlot(_ function: String, _ limits: CallLimits) {
        runningCells += 1
        if isLong(limits) { longRunning += 1 }
        queue.started(function)
    }

    func freeSlot(_ function: String, _ limits: CallLimits) {
        runningCells -= 1
        if isLong(limits) { longRunning -= 1 }
        queue.ended(function)
    }

    func cancel(_ id: String, _ reason: String) -> Bool {
        guard let call = calls[id], !call.isSettled else { return false }
        let failure = CallFailure(cause: .cancelled, message: reason)
        if let ticket = call.ticket, queue.remove(ticket) != nil {
            call.fail(failure)
            report(call, cell: nil, exit: nil)
            dropUnwanted(snapshots[call.request])
            return true
        }
        guard let run = call.cell.flatMap({ cells[$0] }) else { return false }
        end(run, because: failure)
        return true
    }

    /// Gives waiting calls to parked cells, in the queue's order.
    func startQueued() {
        while runningCells < configuration.slots, queue.count > 0 {
            var best: (candidate: FairQueue<CallRun>.Candidate, lane: Lane)?
            for (runtime, lane) in lanes
            where !lane.parked.isEmpty || idle.count > 0 || !snapshots.current.isEmpty {
                guard
                    let candidate = queue.next(runtime, { offer(for: $0.request, in: lane) }),
                    best.map({ candidate.goes(before: $0.candidate) }) ?? true
                else { continue }
                best = (candidate, lane)
            }
            guard let best, let call = queue.take(best.candidate),
                let cell = takeCell(for: call.request, in: best.lane)
            else { break }
            pace.turn(at: monotonicNs(), othersWait: queue.count > 0)
            start(call, in: cell)
        }
        startSnapshots()
        for snapshot in snapshots.current.values { replenish(snapshot) }
        for lane in lanes.values { replenish(lane) }
    }

    /// The report of a call whose cell is gone, or that never had one.
    func report(_ call: CallRun, cell: CellRun?, exit: ExitRecord?) {
        calls[call.request.id] = nil
        call.finishLog()
        announceLines(call)
        let own = cell?.cell.selfReport()
        let started = call.startedNs != 0
        let confined = min(max(own?.confinedNs ?? 0, call.startedNs), call.settledNs)
        let loaded = min(max(own?.loadedNs ?? 0, confined), call.settledNs)
        let cgroupPeak = cell?.slot.cgroup?.peakBytes()
        observer.callEnded(
            CallReport(
                id: call.request.id, function: call.request.function, result: call.result,
                failure: call.failure,
                startedAtMs: started ? call.clock.wallMs(at: call.startedNs) : 0,
                endedAtMs: call.clock.wallMs(at: monotonicNs()),
                queueMs: milliseconds(
                    call.clock.startNs, started ? call.startedNs : call.settledNs),
                startMs: started ? milliseconds(call.startedNs, confined) : 0,
                initMs: milliseconds(confined, loaded),
                runMs: own?.loadedNs ?? 0 > 0 ? milliseconds(loaded, call.settledNs) : 0,
                cpuMs: exit?.cpuMs ?? 0,
                peakMemoryBytes: cgroupPeak ?? exit?.peakResidentBytes ?? 0,
                bytesIn: call.request.event.readableBytes, bytesOut: call.bytesOut,
                logBytes: call.log.totalBytes,
                logTruncated: call.log.isTruncated, log: call.log.lines,
                blocked: own?.denial.map { call.redactor?.redact($0) ?? $0 },
                template: cell?.template.name ?? ""))
    }

    // MARK: time

    /// Milliseconds until something is due, at most a second.
    func waitMilliseconds() -> Int32 {
        let now = monotonicNs()
        var next = now + 1_000_000_000
        for run in cells.values {
            if case .running(let call) = run.phase { next = min(next, call.deadlineNs) }
            if let due = nextServiceNs(run) { next = min(next, due) }
            next = min(next, run.commonSlicesNs, run.warmCheckNs)
        }
        for lane in lanes.values {
            if lane.startDueNs > 0 { next = min(next, lane.startDueNs) }
            next = min(next, lane.demand.restNs, lane.refill.dueNs)
        }
        if !coolingSlots.isEmpty { next = min(next, now + 5_000_000) }
        next = min(next, nextSnapshotNs)
        sleepingUntilNs = next
        return next <= now ? 0 : Int32((next - now + 999_999) / 1_000_000)
    }

    /// Does what is due.
    func tick() {
        let now = monotonicNs()
        guard now >= sleepingUntilNs else { return }
        for run in Array(cells.values) {
            if case .running(let call) = run.phase, call.deadlineNs <= now {
                let loading = run.cell.selfReport().loadedNs == 0
                end(run, because: Verdict.timeout(call.request.limits, loading: loading))
            }
            if run.commonSlicesNs <= now {
                run.commonSlicesNs = .max
                run.cell.useCommonSlices()
            }
        }
        checkServing(now)
        checkSnapshots(now)
        for lane in lanes.values {
            if lane.startDueNs > 0, lane.startDueNs <= now { startTemplate(lane) }
            if lane.demand.rest(nowNs: now) {
                shrink(lane, to: configuration.parked + lane.demand.ahead)
            }
            if let template = lane.template, case .starting = template.phase,
                now > template.startedNs + Self.startLimitNs
            {
                template.complaint = "it was not ready after \(Self.startLimitNs / 1_000_000_000) s"
                loseTemplate(lane, template)
            }
            replenish(lane)
        }
        if !coolingSlots.isEmpty { coolSlots() }
    }
}
