import ExecutorSupervisor
import Foundation
import FunctionRegistry
import Logging
import NIOCore
import Synchronization

/// Writes down what becomes of calls, and keeps the bundle of each on the disk until its cell is gone.
/// Joins the supervisor, which knows how a call ended, with the registry, which remembers it.
final class CallJournal: CallObserver {
    /// A call that is under way.
    private struct Underway {
        /// Its function's, and that of the function's layers.
        var bundles: [String]
        /// Whether its result is kept for readers.
        var keepsResult: Bool
        /// Of an asynchronous call.
        var attempt: Attempt?

        init(_ function: FunctionVersion, keepsResult: Bool = false, attempt: Attempt? = nil) {
            bundles = [function.codeSha256] + (function.layers.map { [$0] } ?? [])
            self.keepsResult = keepsResult
            self.attempt = attempt
        }
    }

    private struct Attempt {
        var number: Int
        var settings: AsyncSettings
        var acceptedAtMs: Int64
    }

    typealias AttemptOver = @Sendable (_ id: String, _ outcome: AttemptOutcome) -> Void

    /// In a structure, because a lock of bare functions would wrap them once more each time it is taken.
    private struct Listener {
        var attemptOver: AttemptOver?
        var endWish: (@Sendable (String) -> EndWish?)?
    }

    private let registry: FunctionRegistry
    private let hub: LogHub
    private let logger: Logger
    private let underway = Mutex<[String: Underway]>([:])
    private let listener = Mutex(Listener())

    init(registry: FunctionRegistry, hub: LogHub, logger: Logger) {
        self.registry = registry
        self.hub = hub
        self.logger = logger
    }

    /// - Parameters:
    ///   - body: is told what an attempt's end leads to, after it was noted.
    ///   - endWish: who wanted a call to end that the supervisor calls cancelled.
    func onAttemptOver(
        endWish: @escaping @Sendable (String) -> EndWish?, _ body: @escaping AttemptOver
    ) {
        listener.withLock { $0 = Listener(attemptOver: body, endWish: endWish) }
    }

    // MARK: Before a call is handed to the supervisor

    /// Writes down a synchronous call.
    /// - Throws: `RegistryError.bundleGone`, `.recorderFull`; the call must not run then.
    func accept(_ record: CallRecord, _ function: FunctionVersion) throws {
        let call = Underway(function)
        try lease(call)
        do {
            try registry.calls.recordQueued(record)
        } catch {
            giveBack(call)
            throw error
        }
        underway.withLock { $0[record.id] = call }
    }

    /// Accepts a synchronous call with an idempotency key; it is on the disk when this returns.
    /// - Returns: the id of the call that has the key.
    /// - Throws: as `CallRecorder.accept`, and `RegistryError.bundleGone`.
    func accept(
        _ record: CallRecord, _ function: FunctionVersion, key: IdempotencyKey
    ) async throws -> String {
        let call = Underway(function, keepsResult: true)
        try lease(call)
        do {
            let id = try await registry.calls.accept(record, event: nil, key: key)
            if id == record.id {
                underway.withLock { $0[id] = call }
            } else {
                giveBack(call)
            }
            return id
        } catch {
            giveBack(call)
            throw error
        }
    }

    /// Prepares for an attempt of an asynchronous call.
    /// - Throws: `RegistryError.bundleGone`; the call must not run then.
    func begin(_ call: ClaimedCall, _ function: FunctionVersion) throws {
        let attempt = Attempt(
            number: call.record.async?.attempt ?? 1, settings: call.settings,
            acceptedAtMs: call.record.queuedAtMs)
        let underway = Underway(function, keepsResult: true, attempt: attempt)
        try lease(underway)
        self.underway.withLock { $0[call.record.id] = underway }
    }

    /// Keeps everything on the disk that a call runs with. Each way in which calls begin comes by here.
    private func lease(_ call: Underway) throws {
        for (index, bundle) in call.bundles.enumerated() {
            do {
                try registry.acquireBundle(bundle)
            } catch {
                for other in call.bundles.prefix(index) { registry.releaseBundle(other) }
                throw error
            }
        }
    }

    /// Takes back `accept` for a call that the supervisor refused.
    func refuse(_ id: String) {
        registry.calls.withdraw(id)
        abandon(id)
    }

    /// Takes back `begin`.
    func abandon(_ id: String) {
        if let call = underway.withLock({ $0.removeValue(forKey: id) }) { giveBack(call) }
    }

    private func giveBack(_ call: Underway) {
        for bundle in call.bundles { registry.releaseBundle(bundle) }
    }

    // MARK: What the supervisor tells

    func callStarted(id: String, startedAtMs: Int64, template: String) {
        let attempt = underway.withLock { $0[id]?.attempt?.number }
        // A witness of how often a call ran that no crash can take back.
        if let attempt {
            logger.debug("an attempt begins", metadata: ["call": "\(id)", "attempt": "\(attempt)"])
        }
        registry.calls.recordStarted(id: id, startedAtMs: startedAtMs, template: template)
    }

    func callPrinted(id: String, function: String, lines: [LogLine]) {
        let lines = lines.map(CallLogLine.init)
        registry.calls.recordPrinted(id: id, lines: lines)
        guard hub.isFollowed else { return }
        let attempt = underway.withLock { $0[id]?.attempt?.number } ?? 1
        hub.publish(.printed(lines, call: id, function: function, attempt: attempt))
    }

    func callEnded(_ report: CallReport) {
        let log = report.log.map(CallLogLine.init)
        guard let call = underway.withLock({ $0.removeValue(forKey: report.id) }) else { return }
        let result = call.keepsResult ? report.result.map { Data($0.readableBytesView) } : nil
        var record = CallRecord.Outcome(report)
        if let attempt = call.attempt {
            if record.cause == .cancelled {
                record.end(by: listener.withLock { $0 }.endWish?(report.id))
            }
            let outcome = attempt.settings.outcome(
                ofAttempt: attempt.number, cause: record.cause?.rawValue, result: result,
                acceptedAtMs: attempt.acceptedAtMs, nowMs: currentTimeMs())
            registry.calls.recordAttempt(
                id: report.id, log: log, outcome: outcome,
                webhookURL: attempt.settings.webhook(for: record.state)
            ) { call in
                call.fill(in: report)
                switch record.cause {
                case .expired: call.fillExpired(maxAgeMs: attempt.settings.maxAgeMs)
                case .evaluatorLost: call.fillLost()
                default: break
                }
            }
            listener.withLock { $0 }.attemptOver?(report.id, outcome)
        } else {
            registry.calls.recordEnded(id: report.id, log: log, result: result) {
                $0.fill(in: report)
            }
        }
        giveBack(call)
        hub.publish(
            .ended(
                .init(
                    call: report.id, function: report.function, state: record.state.rawValue,
                    cause: record.cause?.rawValue)))
    }
}

extension CallRecord {
    /// How an attempt ended, as it is remembered.
    fileprivate struct Outcome {
        private(set) var state: CallRecord.State
        private(set) var cause: CallCause?

        init(_ report: CallReport) {
            state = CallRecord.State(report)
            cause = report.failure?.cause
        }

        /// Of a call that the supervisor says was cancelled: by whom. By nobody's wish means that the
        /// evaluator stops, and that the call took longer than that may.
        mutating func end(by wish: EndWish?) {
            guard wish != .cancelled else { return }
            state = .failed
            cause = wish == .tooOld ? .expired : .evaluatorLost
        }
    }
}

extension CallLogLine {
    fileprivate init(_ line: LogLine) {
        self.init(
            timeMs: line.timeMs, stream: line.stream == .stdout ? .stdout : .stderr,
            text: line.text)
    }
}

extension CallRecord.State {
    fileprivate init(_ report: CallReport) {
        switch report.failure?.state {
        case nil: self = .completed
        case .timedOut: self = .timedOut
        case .cancelled: self = .cancelled
        default: self = .failed
        }
    }
}

extension CallRecord {
    /// Takes over everything that a report says.
    fileprivate mutating func fill(in report: CallReport) {
        state = State(report)
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
