import Foundation
import Logging
import NIOCore
import SandboxKit

/// What a reactor's token stands for: the kind in the upper half, a number in the lower.
enum Source {
    case control(Int)
    case complaints(Int)
    case call(UInt32)
    case output(UInt32)
    case errors(UInt32)

    var token: UInt64 {
        switch self {
        case .control(let lane): UInt64(lane)
        case .complaints(let lane): 1 << 32 | UInt64(lane)
        case .call(let cell): 2 << 32 | UInt64(cell)
        case .output(let cell): 3 << 32 | UInt64(cell)
        case .errors(let cell): 4 << 32 | UInt64(cell)
        }
    }

    init?(token: UInt64) {
        let number = UInt32(truncatingIfNeeded: token)
        switch token >> 32 {
        case 0: self = .control(Int(number))
        case 1: self = .complaints(Int(number))
        case 2: self = .call(number)
        case 3: self = .output(number)
        case 4: self = .errors(number)
        default: return nil
        }
    }
}

extension Source {
    /// Numbers of `control` from here on are snapshots'.
    static let firstSnapshot = 16
}

extension SupervisorCore {
    private func lane(_ number: Int) -> Lane? {
        Runtime.allCases.indices.contains(number) ? lanes[Runtime.allCases[number]] : nil
    }

    private func number(of lane: Lane) -> Int {
        Runtime.allCases.firstIndex(of: lane.executor.runtime) ?? 0
    }

    func startTemplate(_ lane: Lane) {
        lane.startDueNs = 0
        guard !isStopping else { return }
        lane.starts += 1
        do {
            let process = try Template(
                lane.executor.world, filter: lane.executor.filter, closing: lane.executor.closing,
                launcher: configuration.launcher)
            let number = number(of: lane)
            try reactor.add(process.control, token: Source.control(number).token, for: .readable)
            if let output = process.output {
                try reactor.add(output, token: Source.complaints(number).token, for: .readable)
            }
            lane.template = TemplateRun(
                process: process, name: "\(lane.executor.runtime.rawValue)-\(lane.starts)")
        } catch {
            lane.template = nil
            templateFailed(lane, "\(error)")
        }
    }

    /// - Parameter said: what was read from a call socket.
    func handle(_ source: Source, _ events: Reactor.Events, said: CellReader.Said?) {
        switch source {
        case .control(let number) where number >= Source.firstSnapshot:
            if let snapshot = snapshots.kept[number] { readKeeper(snapshot) }
        case .control(let number):
            guard let lane = lane(number) else { return }
            readControl(lane)
        case .complaints(let number):
            guard let lane = lane(number), let template = lane.template else { return }
            readComplaints(lane, template)
        case .call(let number):
            guard let run = cells[number] else { return }
            if events.contains(.writable), run.flush() {
                try? reactor.change(run.cell.call, token: source.token, for: .readable)
            }
            if let said { hear(run, said) }
        case .output(let number):
            readOutput(number, .stdout)
        case .errors(let number):
            readOutput(number, .stderr)
        }
    }

    private func readOutput(_ number: UInt32, _ stream: LogLine.Stream) {
        guard let run = cells[number] else { return }
        if !run.readOutput(stream) {
            reactor.remove(stream == .stdout ? run.cell.standardOutput : run.cell.standardError)
        }
        if let call = run.call { announceLines(call) }
    }

    private func readControl(_ lane: Lane) {
        guard let template = lane.template else { return }
        // Bounded, so that one busy template does not hold up the other.
        for _ in 0..<64 {
            guard let message = template.process.receive() else { return }
            switch message {
            case .launched:
                break
            case .ready(let version):
                template.phase = .ready
                template.readyNs = monotonicNs()
                lane.failures = min(lane.failures, 1)
                lane.detail = ""
                log.info(
                    "template ready",
                    metadata: ["template": "\(template.name)", "interpreter": "\(version)"])
                lane.refill.hurry()
                replenish(lane)
            case .failed(let reason):
                template.complaint = reason
                loseTemplate(lane, template)
                return
            case .spawned(let number, let process):
                spawned(number, process)
            case .spawnFailed(let number, let code):
                guard let run = cells[number] else { continue }
                log.error(
                    "cannot fork a cell",
                    metadata: ["template": "\(template.name)", "reason": "\(errorText(code))"])
                lane.warming -= 1
                discard(run)
            case .exited(let number, let exit):
                guard let run = cells[number] else { continue }
                ended(run, exit)
            case .lost, .refused:
                break
            case .closed:
                loseTemplate(lane, template)
                return
            }
        }
    }

    /// The template's word that a cell is there.
    func spawned(_ number: UInt32, _ process: Descriptor) {
        guard let run = cells[number] else { return }
        run.cell.process = process
        park(run)
    }

    private func readComplaints(_ lane: Lane, _ template: TemplateRun) {
        guard let output = template.process.output else { return }
        var text = [UInt8](repeating: 0, count: 4096)
        let count = read(output.raw, &text, text.count)
        guard count > 0 else {
            if count == 0 { reactor.remove(output) }
            return
        }
        let words = String(decoding: text[..<count], as: UTF8.self).trimmingCharacters(
            in: .whitespacesAndNewlines)
        template.complaint = String((template.complaint + "\n" + words).suffix(2000))
            .trimmingCharacters(in: .whitespacesAndNewlines)
        log.warning(
            "a template printed", metadata: ["template": "\(template.name)", "text": "\(words)"])
    }

    /// The template is gone, and every cell of it with it.
    func loseTemplate(_ lane: Lane, _ template: TemplateRun) {
        readComplaints(lane, template)
        reactor.remove(template.process.control)
        if let output = template.process.output { reactor.remove(output) }
        template.phase = .lost
        let end = template.process.end()
        lane.template = nil
        lane.parked = []
        lane.warming = 0
        let reason = "the \(lane.executor.runtime.rawValue) template stopped: \(end)"
        loseCells(of: template, reason)
        // Calls of the other language may wait for the slots that are free now.
        startQueued()
        if isStopping { return }
        if template.readyNs > 0, monotonicNs() - template.readyNs > 10_000_000_000 {
            lane.failures = 0
        }
        templateFailed(lane, template.complaint.isEmpty ? reason : template.complaint)
    }

    /// The cells of a template are gone, and there is no word on how each of them ended.
    func loseCells(of template: TemplateRun, _ reason: String) {
        for run in Array(cells.values) where run.template === template {
            // What the cell managed to send before it went still counts.
            hear(run, run.reader.read(toEnd: true), isGone: true)
            if let call = run.call, !call.isSettled {
                call.fail(
                    call.endedBecause
                        ?? CallFailure(
                            cause: .templateLost,
                            message: "\(reason), and the call with it; it can be tried again"))
            }
            if let call = run.call { report(call, cell: run, exit: nil) }
            if case .running(let call) = run.phase { leaveRunning(call) }
            if case .keeping(let snapshot) = run.phase { keeperEnded(snapshot, run, nil) }
            discard(run)
        }
    }

    private func templateFailed(_ lane: Lane, _ reason: String) {
        lane.failures += 1
        lane.restarts += 1
        lane.detail = reason
        log.error(
            "a template was lost",
            metadata: ["runtime": "\(lane.executor.runtime.rawValue)", "reason": "\(reason)"])
        if !lane.isHopeful {
            for call in queue.removeAll(lane.executor.runtime) {
                call.fail(
                    CallFailure(
                        cause: .templateLost,
                        message:
                            "the \(lane.executor.runtime.rawValue) template does not start: \(reason)"
                    ))
                report(call, cell: nil, exit: nil)
            }
            for snapshot in snapshots.waiting { dropUnwanted(snapshot) }
        }
        lane.startDueNs = max(1, monotonicNs() + lane.pauseNs)
    }

    // MARK: stopping

    /// No new calls from here on.
    func beginStop() {
        isStopping = true
    }

    /// Ends what is left: first calls, then templates, then groups.
    func finishStop() {
        for id in Array(calls.keys) {
            _ = cancel(id, "the evaluator stopped before the call had ended")
        }
        for lane in lanes.values {
            if let template = lane.template { loseTemplate(lane, template) }
        }
        cgroups.remove()
    }
}
