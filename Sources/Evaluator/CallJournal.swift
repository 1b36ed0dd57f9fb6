import ExecutorSupervisor
import FunctionRegistry
import Synchronization

/// Writes down what becomes of calls, and keeps the bundle of each on the disk until its cell is gone.
/// Joins the supervisor, which knows how a call ended, with the registry, which remembers it.
final class CallJournal: CallObserver {
    private let registry: FunctionRegistry
    /// The bundle of each call that is under way.
    private let bundles = Mutex<[String: String]>([:])

    init(registry: FunctionRegistry) {
        self.registry = registry
    }

    /// Writes down a call that is about to be handed to the supervisor.
    /// - Throws: `RegistryError.bundleGone`, `.recorderFull`; the call must not run then.
    func accept(_ record: CallRecord, bundle: String) throws {
        try registry.acquireBundle(bundle)
        do {
            try registry.calls.recordQueued(record)
        } catch {
            registry.releaseBundle(bundle)
            throw error
        }
        bundles.withLock { $0[record.id] = bundle }
    }

    /// Takes back `accept` for a call that the supervisor refused.
    func refuse(_ id: String) {
        registry.calls.withdraw(id)
        release(id)
    }

    func callStarted(id: String, startedAtMs: Int64, template: String) {
        registry.calls.recordStarted(id: id, startedAtMs: startedAtMs, template: template)
    }

    func callEnded(_ report: CallReport) {
        let log = report.log.map { line in
            CallLogLine(
                timeMs: line.timeMs, stream: line.stream == .stdout ? .stdout : .stderr,
                text: line.text)
        }
        registry.calls.recordEnded(id: report.id, log: log) { $0.fill(in: report) }
        release(report.id)
    }

    private func release(_ id: String) {
        if let bundle = bundles.withLock({ $0.removeValue(forKey: id) }) {
            registry.releaseBundle(bundle)
        }
    }
}

extension CallRecord {
    /// Takes over everything that a report says.
    fileprivate mutating func fill(in report: CallReport) {
        switch report.failure?.state {
        case nil: state = .completed
        case .timedOut: state = .timedOut
        case .cancelled: state = .cancelled
        default: state = .failed
        }
        if let failure = report.failure {
            cause = failure.cause.rawValue
            message = failure.message
            errorType = failure.errorType
            stack = failure.stack.isEmpty ? nil : failure.stack
            exitCode = failure.exitCode
            signal = failure.signal
        }
        // A call that was cancelled in the queue never started; a record that says it did, at a time
        // of 0, would be wrong.
        if startedAtMs == nil, report.startedAtMs > 0 { startedAtMs = report.startedAtMs }
        endedAtMs = report.endedAtMs
        queueMs = rounded(report.queueMs)
        startMs = rounded(report.startMs)
        initMs = rounded(report.initMs)
        runMs = rounded(report.runMs)
        cpuMs = rounded(report.cpuMs)
        peakMemoryBytes = report.peakMemoryBytes
        bytesIn = report.bytesIn
        bytesOut = report.bytesOut
        logBytes = report.logBytes
        logTruncated = report.logTruncated
        blocked = report.blocked
        template = report.template.isEmpty ? nil : report.template
    }
}
