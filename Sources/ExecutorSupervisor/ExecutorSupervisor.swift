import Foundation
import Logging
import NIOConcurrencyHelpers
import NIOCore
import SandboxKit
import Synchronization

/// Runs calls in fresh cells: keeps templates and parked cells, gives each call a slot, bounds it,
/// and decides how it ended.
///
/// State changes are made under one lock, by the callers' threads (a call goes straight to a
/// parked cell's socket) and by one thread that waits for everything else.
public final class ExecutorSupervisor: CallSupervising {
    /// Not Synchronization's: the kernel hands that one on in order, and every change of hands is a
    /// change of threads then.
    private let lock = NIOLock()
    /// For `withCore` alone.
    nonisolated(unsafe) private let core: SupervisorCore
    private let reactor: Reactor
    private let isOver = Mutex(false)

    /// Finds the interpreters, compiles the policies and starts the templates. Blocks for the
    /// time it takes to ask each interpreter what it needs (some tenths of a second).
    /// - Throws: `SupervisorError` or `SandboxError` when an executor cannot be prepared.
    public init(
        configuration: SupervisorConfiguration, observer: any CallObserver,
        log: Logger = Logger(label: "supervisor")
    ) throws {
        let reactor = try Reactor()
        self.reactor = reactor
        let ids = geteuid() == 0 ? World.IDRange.cells : nil
        let executors = try Runtime.allCases.map {
            try ExecutorDescription.load($0, from: configuration.executors).prepare(
                configuration, ids: ids)
        }
        core = try SupervisorCore(
            configuration: configuration, observer: observer, log: log, reactor: reactor,
            executors: executors)
        let thread = Thread { [self] in loop() }
        thread.name = "supervisor"
        thread.start()
        withCore { core in
            for lane in core.lanes.values { core.startTemplate(lane) }
        }
    }

    /// Runs with the lock held, and then sends the replies and calls that came of it.
    private func withCore<Result>(_ body: (SupervisorCore) -> Result) -> Result {
        let (result, out) = lock.withLock { (body(core), core.outbox.take()) }
        for (continuation, reply) in out.replies { continuation.resume(returning: reply) }
        for dispatch in out.dispatches { send(dispatch) }
        return result
    }

    private func send(_ dispatch: Dispatch) {
        do {
            if !(try dispatch.send()) { withCore { $0.sendRest(of: dispatch) } }
        } catch {
            withCore { $0.couldNotSend(dispatch, error) }
        }
    }

    private func loop() {
        while !isOver.withLock({ $0 }) {
            let milliseconds = withCore { $0.waitMilliseconds() }
            reactor.wait(milliseconds: milliseconds) { token, events in
                guard let source = Source(token: token) else { return }
                var said: CellReader.Said?
                if case .call(let number) = source {
                    said = withCore({ $0.cells[number]?.reader })?.read()
                }
                withCore { $0.handle(source, events, said: said) }
            }
            withCore { $0.tick() }
        }
    }

    public func invoke(_ request: CallRequest) async throws -> CallReply {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let wake = withCore { $0.submit(request, continuation) }
                if wake { reactor.wake() }
                // Cancelled before there was anything to cancel.
                if Task.isCancelled { _ = cancel(id: request.id) }
            }
        } onCancel: {
            _ = cancel(id: request.id)
        }
    }

    public func cancel(id: String) -> Bool {
        withCore { $0.cancel(id, "the call was cancelled") }
    }

    public func status() -> [TemplateStatus] {
        withCore { core in
            Runtime.allCases.compactMap { core.lanes[$0]?.status(stopping: core.isStopping) }
        }
    }

    public func load() -> (queued: Int, running: Int) {
        withCore { ($0.queue.count, $0.runningCells) }
    }

    public func waiting(id: String) -> CallWaiting? { withCore { $0.waiting(id) } }

    public func forget(function: String) {
        withCore { $0.forget(function) }
        reactor.wake()
    }

    /// How memory and processes are bounded here.
    public var cgroupSupport: CgroupSupport { withCore { $0.cgroups.support } }

    /// Takes no new calls, lets the accepted ones end, and ends everything after the deadline.
    /// Returns when no template, cell or group is left.
    public func stop(within seconds: Double) async {
        withCore { $0.beginStop() }
        let deadline = monotonicNs() + UInt64(seconds * 1_000_000_000)
        while withCore({ !$0.calls.isEmpty }), monotonicNs() < deadline {
            // Cancelled: nobody waits for the calls any more.
            do { try await Task.sleep(for: .milliseconds(5)) } catch { break }
        }
        isOver.withLock { $0 = true }
        reactor.wake()
        withCore { $0.finishStop() }
    }
}
