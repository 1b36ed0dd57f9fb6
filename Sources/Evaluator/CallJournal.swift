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
        var bundle: String
        /// The bundle of its function's layers.
        var layers: String?
        /// Whether its result is kept for readers.
        var keepsResult = false
        /// Of an asynchronous call.
        var attempt: Attempt?
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
    func accept(_ record: CallRecord, bundle: String, layers: String? = nil) throws {
        try begin(record.id, Underway(bundle: bundle, layers: layers)) {
            try registry.calls.recordQueued(record)
        }
    }

    /// Accepts a synchronous call with an idempotency key; it is on the disk when this returns.
    /// - Returns: the id of the call that has the key.
    /// - Throws: as `CallRecorder.accept`, and `RegistryError.bundleGone`.
    func accept(_ record: CallRecord, bundle: String, key: IdempotencyKey) async throws -> String {
        try registry.acquireBundle(bundle)
        do {
            let id = try await registry.calls.accept(record, event: nil, key: key)
            if id == record.id {
                underway.withLock { $0[id] = Underway(bundle: bundle, keepsResult: true) }
            } else {
                registry.releaseBundle(bundle)
            }
            return id
        } catch {
            registry.releaseBundle(bundle)
            throw error
        }
    }

    /// Prepares for an attempt of an asynchronous call.
    /// - Throws: `RegistryError.bundleGone`; the call must not run then.
    func begin(_ call: ClaimedCall, _ function: FunctionVersion) throws {
        let attempt = Attempt(
            number: call.record.async?.attempt ?? 1, settings: function.async ?? AsyncSettings(),
            acceptedAtMs: call.record.queuedAtMs)
        try begin(
            call.record.id,
            Underway(
                bundle: function.codeSha256, layers: function.layers, keepsResult: true,
                attempt: attempt)
        ) {}
    }

    private func begin(_ id: String, _ call: Underway, _ body: () throws -> Void) throws {
        try registry.acquireBundle(call.bundle)
        do {
            if let layers = call.layers { try registry.acquireBundle(layers) }
        } catch {
            registry.releaseBundle(call.bundle)
            throw error
        }
        do {
            try body()
        } catch {
            giveBack(call)
            throw error
        }
        underway.withLock { $0[id] = call }
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
        registry.releaseBundle(call.bundle)
        if let layers = call.layers { registry.releaseBundle(layers) }
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
        hub.publish(
            lines.map {
                .line(.init(call: id, function: function, attempt: attempt, line: $0))
            })
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
            let outcome = outcome(of: attempt, record.cause, result)
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
        hub.publish([
            .end(
                .init(
                    call: report.id, function: report.function, state: record.state.rawValue,
                    cause: record.cause?.rawValue))
        ])
    }

    /// What the end of an attempt leads to.
    private func outcome(
        of attempt: Attempt, _ cause: CallCause?, _ result: Data?
    ) -> AttemptOutcome {
        guard let cause else { return .over(result: result) }
        if cause == .cancelled { return .over(result: nil) }
        let now = currentTimeMs()
        let pause = attempt.settings.pause(
            after: attempt.number, cause: cause.rawValue, ageMs: now - attempt.acceptedAtMs)
        return pause.map { .retry(atMs: now + $0) } ?? .dead
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
