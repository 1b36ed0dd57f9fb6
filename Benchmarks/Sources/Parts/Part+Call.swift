import Dispatch
import NIOCore
import Synchronization

@testable import ExecutorSupervisor

extension Part {
    /// A call is made and described for its cell, with three variables in its environment.
    static let meta = Part("CallMeta") {
        let request = CallRequest(
            id: "01K00000000000000000000000", function: "hello", version: 3, runtime: .python,
            handler: "index.handler", bundle: String(repeating: "5f", count: 32),
            environment: ["REGION": "eu", "LEVEL": "info", "GREETING": "good \"day\""],
            limits: CallLimits(timeoutMs: 3000, memoryMB: 128, tmpMB: 16),
            event: ByteBuffer(string: "{\"a\":1}"))
        let (caller, outbox) = (unanswered, Outbox())
        return { times in
            for _ in 0..<times {
                let call = CallRun(
                    request, logLimit: 1 << 18, continuation: caller, outbox: outbox)
                keep(call.request.meta(callID: request.id, deadlineNs: 1))
            }
        }
    }

    private typealias Caller = CheckedContinuation<CallReply, any Error>

    /// A caller who waits for ever: these calls never run.
    private static let unanswered: Caller = {
        let box = Mutex<Caller?>(nil)
        let made = DispatchSemaphore(value: 0)
        let store: @Sendable (Caller) -> Void = { caller in
            box.withLock { $0 = caller }
            made.signal()
        }
        Task { _ = try? await withCheckedThrowingContinuation { store($0) } }
        made.wait()
        guard let caller = box.withLock({ $0 }) else { preconditionFailure("no caller") }
        return caller
    }()
}
