import Foundation
import Glibc
import Logging
import NIOCore
import SandboxKit

extension SupervisorCore {
    /// A slot whose last cell left more than this is not used yet.
    private static let restBytes = 8 * 1024 * 1024
    /// What is there for longer is cached files, which give way to whatever the next cell needs.
    private static let coolingLimitNs: UInt64 = 200_000_000

    /// Hands a call to a parked cell.
    func start(_ call: CallRun, in run: CellRun) {
        call.startedNs = monotonicNs()
        let limits = call.request.limits
        call.deadlineNs = call.startedNs + UInt64(limits.timeoutMs) * 1_000_000
        run.phase = .running(call)
        call.ticket = nil
        call.cell = run.cell.number
        let isFirst = run.service == nil && run.template.snapshot == nil
        if run.service == nil { run.commonSlicesNs = call.startedNs + CellPriority.soonNs }
        if isFirst {
            CellPriority.lower(
                run.cell, nice: CellPriority.nice(running: queue.running(call.request.function)))
            if call.request.isolation == .reuse { run.serve(call.request) }
        }
        beginService(run, call)
        // Those of other functions never may.
        if call.request.isTask { run.reader.expect(nonFinite: call.request.allowsNonFinite) }
        takeSlot(call.request.function, limits)
        lanes[call.request.runtime]?.running += 1
        observer.callStarted(
            id: call.request.id, startedAtMs: call.clock.wallMs(at: call.startedNs),
            template: run.template.name)
        do {
            try run.slot.cgroup?.limitMemory(bytes: limits.memoryMB << 20)
            outbox.dispatches.append(
                Dispatch(call, to: run, limits: isFirst ? resourceLimits(limits, run) : nil))
        } catch {
            notSetUp(run, error)
        }
    }

    private func notSetUp(_ run: CellRun, _ error: any Error) {
        end(
            run,
            because: CallFailure(
                cause: .crashed, message: "the cell could not be set up for the call: \(error)"))
    }

    /// The socket has not taken all of a call: the rest follows as the cell reads.
    func sendRest(of dispatch: Dispatch) {
        let cell = dispatch.run.cell
        // One that has gone meanwhile is no longer watched.
        guard cells[cell.number] === dispatch.run, case .running = dispatch.run.phase else {
            return
        }
        do {
            try reactor.change(
                cell.call, token: Source.call(cell.number).token, for: [.readable, .writable])
        } catch {
            notSetUp(dispatch.run, error)
        }
    }

    func couldNotSend(_ dispatch: Dispatch, _ error: any Error) {
        guard case .running(let call) = dispatch.run.phase, call === dispatch.call else { return }
        notSetUp(dispatch.run, error)
    }

    /// CPU seconds of a call: its wall time, rounded up, and one more, so that one busy thread
    /// meets the wall time first.
    static func cpuSeconds(_ limits: CallLimits) -> Int {
        (limits.timeoutMs + 999) / 1000 + 1
    }

    func resourceLimits(_ limits: CallLimits, _ run: CellRun) -> [CellOrder.Limit] {
        var result: [CellOrder.Limit] = [
            .init(.fileBytes, UInt64(limits.tmpMB) << 20),
            .init(.descriptors, 1000), .init(.stackBytes, 8 << 20), .init(.coreBytes, 0),
            .init(.lockedBytes, 0), .init(.messageQueueBytes, 0),
            .init(.pendingSignals, 256),
        ]
        // The kernel counts it from the cell's start: see `checkServing` for the others.
        if run.service == nil {
            result.append(.init(.cpuSeconds, UInt64(Self.cpuSeconds(limits))))
        }
        let memory = UInt64(limits.memoryMB) << 20
        if let lane = lane(of: run), let base = footprint(lane, run) {
            // What is asked for and never touched costs a group nothing: this limit counts it too.
            result.append(.init(.dataBytes, UInt64(base.dataBytes) + memory))
            // Without a group, shared memory would count nowhere.
            if lane.executor.boundsAddressSpace, run.slot.cgroup?.boundsMemory != true {
                result.append(.init(.addressSpaceBytes, UInt64(base.addressSpaceBytes) + memory))
            }
        }
        // Counted for each user of a namespace.
        let tasks = run.slot.uid != 0 ? CgroupSlot.maximumTasks : CgroupSlot.maximumSharedTasks
        result.append(.init(.tasks, UInt64(tasks)))
        return result
    }

    /// The sizes of a parked cell, read once a template.
    private func footprint(_ lane: Lane, _ run: CellRun) -> CellFootprint? {
        if lane.footprint == nil { lane.footprint = run.cell.footprint() }
        return lane.footprint
    }

    // MARK: what cells say

    /// Takes in what a cell has said.
    /// - Parameter isGone: the kernel says that it has ended.
    func hear(_ run: CellRun, _ said: CellReader.Said, isGone: Bool = false) {
        for (index, event) in said.events.enumerated() {
            switch event {
            case .parked:
                switch run.phase {
                case .warming where !run.isWarm:
                    run.isWarm = true
                    park(run)
                case .running(let call) where run.answer != nil: serveOn(run, after: call)
                case .ending: break
                default: end(run, because: invalid("it said twice that it was parked"))
                }
            case .log(stream: 3, let bytes):
                stream(bytes, of: run)
            case .log(let stream, let bytes):
                run.printed(bytes, to: stream == 1 ? .stdout : .stderr, isRaw: false)
            case .tooLarge(let bytes):
                run.answer = nil
                end(
                    run,
                    because: CallFailure(
                        cause: .responseTooLarge,
                        message:
                            "the result has \(bytes) bytes, and at most \(configuration.resultBytes) are allowed"
                    ))
            case .violation(let reason):
                run.answer = nil
                end(run, because: invalid(reason))
            case .result, .error:
                run.answer = (event, said.faults[index])
            }
        }
        if let call = run.call { announceLines(call) }
        // An answer to nothing, or no more to come.
        if case .idle = run.phase, run.answer != nil || said.isOver { retire(run) }
        if said.isOver {
            if case .running(let call) = run.phase, call.endedBecause == nil,
                let answer = run.answer
            {
                answered(call, answer.event, answer.fault, run)
                // It ends by itself at once; a cell that does not has nothing more to say. What is left
                // in its pipes is read when it is gone, and their ends are no events of their own.
                run.cell.kill()
                reactor.remove(run.cell.standardOutput)
                reactor.remove(run.cell.standardError)
                leaveRunning(call)
                run.phase = .ending(call)
                if queue.count > 0 { startQueued() }
            }
            if !isGone { reactor.remove(run.cell.call) }
        }
    }

    /// Hands on a piece of a result that is sent as it comes.
    private func stream(_ bytes: ByteBuffer, of run: CellRun) {
        guard let call = run.call, let receive = call.request.receivePiece else {
            return end(
                run, because: invalid("it streamed a result that nobody asked to be streamed"))
        }
        call.streamedBytes += bytes.readableBytes
        guard call.streamedBytes <= configuration.streamedBytes else {
            return end(
                run,
                because: CallFailure(
                    cause: .responseTooLarge,
                    message:
                        "the result has more than \(configuration.streamedBytes) bytes, the most that may be streamed"
                ))
        }
        receive(bytes)
    }

    /// Hands on the lines that a call has just completed.
    func announceLines(_ call: CallRun) {
        let lines = call.takeNewLines()
        guard !lines.isEmpty else { return }
        observer.callPrinted(id: call.request.id, function: call.request.function, lines: lines)
    }

    func invalid(_ reason: String) -> CallFailure {
        CallFailure(cause: .responseInvalid, message: "the cell broke off its protocol: \(reason)")
    }

    /// Makes a cell ready for calls, once it has said so and its process is known: before that it could
    /// not be ended.
    func park(_ run: CellRun) {
        guard case .warming = run.phase, run.isWarm, run.cell.process != nil,
            let lane = lane(of: run)
        else { return }
        lane.warming -= 1
        stopCounting(run)
        // Asked for before its snapshot was given up.
        if let snapshot = run.template.snapshot, case .ending = snapshot.phase {
            run.phase = .ending(nil)
            return run.cell.kill()
        }
        run.slot.cgroup?.startAccount()
        run.phase = .parked
        lane.parked.append(run)
        if let snapshot = run.template.snapshot {
            snapshot.parkings += 1
            snapshot.failures = 0
            // They warm in turn, over all versions of a function.
            for other in snapshots.current.values
            where other.key.function == snapshot.key.function {
                replenish(other)
            }
        }
        if !queue.isEmpty(lane.executor.runtime) { startQueued() }
    }

    /// An answer is in, and its stream has ended or the cell waits for its next call.
    func answered(
        _ call: CallRun, _ answer: FrameDecoder.Event, _ fault: String?, _ run: CellRun
    ) {
        // What was printed before the answer is in the pipes by now.
        for stream in [LogLine.Stream.stdout, .stderr] {
            _ = run.readOutput(stream, rounds: 16)
        }
        switch answer {
        case .result(let result):
            if let fault {
                call.fail(
                    CallFailure(
                        cause: .responseInvalid,
                        message: CallCause.responseInvalid.explaining(fault)))
            } else {
                call.complete(result)
            }
        case .error(let frame):
            let denial = run.cell.selfReport().denial
            call.fail(
                CellError(frame, redactor: call.redactor ?? Redactor([]))?.failure(
                    limits: call.request.limits, peakBytes: run.slot.cgroup?.peakBytes(),
                    denial: denial)
                    ?? invalid("its error cannot be read"))
        default:
            return
        }
    }

    // MARK: ends

    /// Ends a cell for a reason of the supervisor's own. The call is settled when the kernel says
    /// that the cell is gone.
    func end(_ run: CellRun, because failure: CallFailure) {
        if let call = run.call, call.endedBecause == nil { call.endedBecause = failure }
        if case .running(let call) = run.phase { call.deadlineNs = .max }
        if case .keeping(let snapshot) = run.phase, snapshot.endedBecause == nil {
            snapshot.endedBecause = failure
        }
        if case .idle = run.phase { retire(run) }
        run.cell.kill()
    }

    /// The kernel's word that a cell is gone.
    func ended(_ run: CellRun, _ exit: ExitRecord) {
        var exit = exit
        if let service = run.service { exit.cpuMs -= service.cpuBeforeMs }
        hear(run, run.reader.read(toEnd: true), isGone: true)
        let own = run.cell.selfReport()
        if !own.heldText.isEmpty {
            run.printed(
                ByteBuffer(bytes: own.heldText), to: own.heldStream == 2 ? .stderr : .stdout,
                isRaw: false)
        }
        for stream in [LogLine.Stream.stdout, .stderr] {
            _ = run.readOutput(stream, rounds: 32)
        }
        var isUnparked = false
        switch run.phase {
        case .warming:
            isUnparked = true
            lane(of: run)?.warming -= 1
            let why = own.setupFailure ?? exit.status.description
            log.error(
                "a cell ended before it was parked",
                metadata: ["template": "\(run.template.name)", "reason": "\(why)"])
            lane(of: run)?.detail = "cells end before they are ready: \(why)"
        case .parked:
            lane(of: run)?.parked.removeAll { $0 === run }
        case .running(let call):
            let evidence = Verdict.Evidence(
                exit: exit, outOfMemory: run.slot.cgroup?.ranOutOfMemory() ?? false,
                peakMemoryBytes: run.slot.cgroup?.peakBytes(),
                selfReport: own, limits: call.request.limits,
                cpuSeconds: Self.cpuSeconds(call.request.limits),
                endsEarly: lane(of: run)?.executor.endsEarly)
            call.fail(
                call.endedBecause.map { Verdict.adding(cpuMs: exit.cpuMs, to: $0) }
                    ?? Verdict.failure(evidence))
            leaveRunning(call)
        case .keeping(let snapshot):
            keeperEnded(snapshot, run, exit)
        case .idle, .ending:
            break
        }
        if let call = run.call {
            report(call, cell: run, exit: exit)
            lane(of: run)?.refill.hasGone()
        }
        discard(run)
        if let snapshot = run.template.snapshot { forkEnded(snapshot, wasParked: !isUnparked) }
        startQueued()
    }

    /// A running cell's call is settled: its place among the running ones is free.
    func leaveRunning(_ call: CallRun) {
        freeSlot(call.request.function, call.request.limits)
        // By its runtime: the cell's template may be gone already.
        lanes[call.request.runtime]?.running -= 1
    }

    /// Lets go of a cell that is gone; its descriptors close with it.
    func discard(_ run: CellRun) {
        cells[run.cell.number] = nil
        idle.remove(run)
        stopCounting(run)
        run.template.snapshot?.cells -= 1
        run.slot.cgroup?.limitFurtherTasks(nil)
        run.slot.emptiedNs = monotonicNs()
        coolingSlots.append(run.slot)
        coolSlots()
    }

    /// The kernel takes down a dead cell's memory and mounts in its own time.
    func coolSlots() {
        let now = monotonicNs()
        let fit = coolingSlots.filter { slot in
            guard let used = slot.cgroup?.usedBytes(), used > Self.restBytes else { return true }
            return now > slot.emptiedNs + Self.coolingLimitNs
        }
        guard !fit.isEmpty else { return }
        coolingSlots.removeAll { slot in fit.contains { $0 === slot } }
        // Longest unused first.
        freeSlots.insert(contentsOf: fit, at: 0)
    }

    func lane(of run: CellRun) -> Lane? {
        if let snapshot = run.template.snapshot { return snapshot.lane }
        return lanes.values.first { $0.template === run.template }
    }
}
