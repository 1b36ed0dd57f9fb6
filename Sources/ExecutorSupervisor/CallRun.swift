import NIOCore

/// What goes out when the supervisor's lock is free again: a caller or cell that is woken runs at once.
final class Outbox {
    typealias Reply = (CheckedContinuation<CallReply, any Error>, CallReply)

    var replies: [Reply] = []
    var dispatches: [Dispatch] = []

    func take() -> (replies: [Reply], dispatches: [Dispatch]) {
        guard !replies.isEmpty || !dispatches.isEmpty else { return ([], []) }
        defer { (replies, dispatches) = ([], []) }
        return (replies, dispatches)
    }
}

/// A call that was accepted, from the queue to its report.
final class CallRun {
    let request: CallRequest
    /// When it was accepted.
    let clock = CallClock()
    private let outbox: Outbox
    /// `nil` once the caller has its answer.
    private var continuation: CheckedContinuation<CallReply, any Error>?
    /// Its place in the queue while it waits there.
    var ticket: FairQueue<CallRun>.Ticket?
    /// The number of the cell that it was given to.
    var cell: UInt32?
    var startedNs: UInt64 = 0
    var deadlineNs = UInt64.max
    private(set) var log: CallLog
    /// `nil` when there is nothing to hide.
    private(set) lazy var redactor: Redactor? =
        request.secrets.isEmpty ? nil : Redactor(request.secrets)
    private(set) var failure: CallFailure?
    private(set) var isSettled = false
    private(set) var settledNs: UInt64 = 0
    private(set) var result: ByteBuffer?
    /// Bytes of the result that were sent as they came.
    var streamedBytes = 0
    var bytesOut: Int { result?.readableBytes ?? 0 }
    /// Its function was deleted meanwhile: nothing is kept for the next call.
    var isLast = false
    /// Why the supervisor itself ended the call's cell; outweighs how the cell then ended.
    var endedBecause: CallFailure?

    init(
        _ request: CallRequest, logLimit: Int,
        continuation: CheckedContinuation<CallReply, any Error>, outbox: Outbox
    ) {
        self.outbox = outbox
        self.request = request
        self.continuation = continuation
        log = CallLog(limit: logLimit)
    }

    func complete(_ result: ByteBuffer) {
        guard !isSettled else { return }
        self.result = result
        settle(.completed(result))
    }

    func fail(_ failure: CallFailure) {
        guard !isSettled else { return }
        let failure = redactor?.redact(failure) ?? failure
        self.failure = failure
        settle(.failed(failure))
    }

    // MARK: output

    func printed(_ bytes: ByteBufferView, to stream: LogLine.Stream, isRaw: Bool) {
        log.append(
            bytes, to: stream, isRaw: isRaw, nowMs: clock.wallMs(at: monotonicNs()),
            redactor: redactor)
    }

    /// Lines that were closed since the last time.
    func takeNewLines() -> [LogLine] { log.takeNew() }

    /// Nothing more is printed.
    func finishLog() { log.finish(redactor: redactor) }

    private func settle(_ result: CallReply.Result) {
        isSettled = true
        settledNs = monotonicNs()
        let runMs = startedNs == 0 ? 0 : milliseconds(startedNs, settledNs)
        if let continuation {
            outbox.replies.append((continuation, CallReply(result: result, runMs: runMs)))
        }
        continuation = nil
    }

}

extension CallRequest {
    /// What a cell that knows the function already is told of a call, as JSON.
    func furtherMeta(deadlineNs: UInt64) -> [UInt8] {
        var text = "{\"callId\":"
        JSONText.append(id, to: &text)
        text += ",\"deadlineNs\":\(deadlineNs)"
        if let context { text += ",\"context\":" + context }
        text += "}"
        return Array(text.utf8)
    }

    /// What a cell is told of the function and of a call of it, as JSON.
    func meta(callID: String, deadlineNs: UInt64) -> [UInt8] {
        var text = "{\"callId\":"
        JSONText.append(callID, to: &text)
        text += ",\"function\":"
        JSONText.append(function, to: &text)
        text += ",\"version\":\(version),\"handler\":"
        JSONText.append(handler, to: &text)
        text +=
            ",\"memoryMB\":\(limits.memoryMB),\"deadlineNs\":\(deadlineNs),\"environment\":{"
        for (index, entry) in environment.enumerated() {
            if index > 0 { text += "," }
            JSONText.append(entry.key, to: &text)
            text += ":"
            JSONText.append(entry.value, to: &text)
        }
        text += "}"
        if let context { text += ",\"context\":" + context }
        text += "}"
        return Array(text.utf8)
    }
}
