import NIOCore
import SandboxKit

/// A call on its way to the cell that it was given to. It is sent when the supervisor's lock is free again:
/// the cell runs at once, and may run instead of the thread that has woken it.
struct Dispatch {
    let call: CallRun
    let run: CellRun
    private let order: CellOrder
    private let isFirst: Bool
    private let deadlineNs: UInt64

    /// - Parameter limits: what the cell is to have; `nil` for one that has been told of the function.
    init(_ call: CallRun, to run: CellRun, limits: [CellOrder.Limit]?) {
        self.call = call
        self.run = run
        isFirst = limits != nil
        deadlineNs = call.deadlineNs
        var order = CellOrder(
            bundle: call.request.bundle, tmpBytes: call.request.limits.tmpMB << 20,
            limits: limits ?? [],
            keeps: run.service != nil)
        order.layers = call.request.layers
        order.isTask = call.request.isTask
        order.number = run.service?.number ?? 0
        self.order = order
    }

    /// - Returns: whether the socket took all of it.
    func send() throws(SandboxError) -> Bool {
        let meta =
            isFirst
            ? call.request.meta(callID: call.request.id, deadlineNs: deadlineNs)
            : call.request.furtherMeta(deadlineNs: deadlineNs)
        let header = try order.header(
            metaBytes: meta.count, eventBytes: call.request.event.readableBytes)
        return run.send([ByteBuffer(bytes: header), ByteBuffer(bytes: meta), call.request.event])
    }
}
