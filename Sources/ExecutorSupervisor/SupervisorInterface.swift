/// What the supervisor tells of calls on their way. Called with the supervisor's lock held: an
/// observer must return at once, must not wait for a disk, and must not call the supervisor.
public protocol CallObserver: Sendable {
    /// A cell has been given the call.
    func callStarted(id: String, startedAtMs: Int64, template: String)
    /// Lines that a running call has just completed, in order. All of them are in the report again.
    func callPrinted(id: String, function: String, lines: [LogLine])
    /// The cell is gone and everything about the call is known. Exactly once a call that was
    /// accepted; after the call's reply, or instead of it when it was cancelled in the queue.
    func callEnded(_ report: CallReport)
}

extension CallObserver {
    public func callPrinted(id: String, function: String, lines: [LogLine]) {}
}

/// The state of one runtime's template, for readiness.
public struct TemplateStatus: Sendable, Equatable {
    public enum State: String, Sendable, Codable {
        case starting, ready, restarting, failed, stopped
    }
    public var runtime: Runtime
    public var state: State
    /// The interpreter's version, for example `3.11.7`; empty while it is not known.
    public var interpreter: String
    public var parked: Int
    public var running: Int
    public var restarts: Int
    /// Why the template is not ready, or the empty string.
    public var detail: String

    public init(
        runtime: Runtime, state: State, interpreter: String, parked: Int, running: Int,
        restarts: Int, detail: String
    ) {
        self.runtime = runtime
        self.state = state
        self.interpreter = interpreter
        self.parked = parked
        self.running = running
        self.restarts = restarts
        self.detail = detail
    }
}

/// The supervisor as the evaluator uses it.
public protocol CallSupervising: Sendable {
    /// Runs one call in a fresh cell and answers as soon as the cell has.
    /// Cancelling the task cancels the call, queued or running.
    /// - Throws: `CallRejection` when the call was not accepted; the observer then hears nothing.
    func invoke(_ request: CallRequest) async throws -> CallReply
    /// Cancels a call, queued or running; false when no such call is under way.
    func cancel(id: String) -> Bool
    /// Why a call waits; `nil` for one that is not queued.
    func waiting(id: String) -> CallWaiting?
    /// A function was deleted: what is kept for its calls ends, at once or with the last of those that it
    /// has now.
    func forget(function: String)
    func status() -> [TemplateStatus]
    /// Calls that wait for a slot, and calls that run.
    func load() -> (queued: Int, running: Int)
}
