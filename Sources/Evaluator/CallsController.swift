import ExecutorSupervisor
import FunctionRegistry
import HTTPTypes
import Hummingbird

/// `/v1/calls`: the records and logs of calls.
struct CallsController: Sendable {
    let calls: CallRecorder
    let supervisor: any CallSupervising
    let dispatcher: AsyncDispatcher
    let acceptor: AsyncAcceptor
    let cache: FunctionCache
    let answers: CallAnswers
    let reads: SlowReads

    /// How long a reader waits for the measurements of a call that has just been answered.
    static let reportDelay = Duration.milliseconds(500)

    func addRoutes(to router: Router<EvaluatorRequestContext>) {
        router.get(RouterPath(Routes.calls), use: list)
        router.get(RouterPath(Routes.call), use: get)
        router.delete(RouterPath(Routes.call), use: cancel)
        router.get(RouterPath(Routes.result), use: result)
        router.post(RouterPath(Routes.replay), use: replay)
    }

    private struct CallList: Encodable {
        var calls: [CallView]
        var nextCursor: String?
    }

    @Sendable private func list(_ request: Request, context: EvaluatorRequestContext) async throws
        -> Response
    {
        let query = try Query(request, allowed: ["function", "state", "dead", "limit", "cursor"])
        let state = try query.text("state").map { text in
            guard let state = CallRecord.State(rawValue: text) else {
                let states = CallRecord.State.allCases.map(\.rawValue).joined(separator: ", ")
                throw Problem(
                    .badRequest, "the query parameter \"state\" has to be one of: \(states)")
            }
            return state
        }
        let filter = CallFilter(
            function: query.text("function"), state: state, dead: try query.flag("dead"))
        let (limit, cursor) = (try query.limit(), query.text("cursor"))
        return try await reads.run {
            let page = try await calls.calls(filter, limit: limit, cursor: cursor)
            return try jsonResponse(
                CallList(
                    calls: page.items.map { CallView($0, withStack: false) },
                    nextCursor: page.nextCursor))
        }
    }

    @Sendable private func get(_ request: Request, context: EvaluatorRequestContext) async throws
        -> Response
    {
        let id = try context.pathParameter("id")
        try await wait(id, try Query(request, allowed: ["wait"]))
        let call = try await record(id)
        return try jsonResponse(
            CallView(
                call, withStack: true, waiting: waiting(call),
                webhook: call.async == nil ? nil : try await calls.webhook(of: id)))
    }

    private func wait(_ id: String, _ query: Query) async throws {
        if let wait = try query.duration("wait", atMost: Self.longestWait) {
            await calls.waitForEnd(id, atMost: wait)
        } else {
            await calls.waitForReport(id, atMost: Self.reportDelay)
        }
    }

    /// Why a queued call waits.
    private func waiting(_ call: CallRecord) -> CallWaitingView? {
        guard call.state == .queued else { return nil }
        if let waiting = supervisor.waiting(id: call.id) {
            return CallWaitingView(
                reason: waiting.reason.rawValue, place: waiting.place, message: waiting.message)
        }
        guard let place = dispatcher.place(of: call.id) else { return nil }
        if place == 0 {
            return CallWaitingView(
                reason: "retry", place: 1, message: "its next attempt is not due yet")
        }
        if dispatcher.isPaused(call.function) {
            return CallWaitingView(
                reason: "concurrency", place: place,
                message: "the function is paused: its reserved concurrency is 0")
        }
        return place == 1
            ? CallWaitingView(
                reason: "slots", place: 1, message: "as many calls run as may, and it is next")
            : CallWaitingView(
                reason: "turn", place: place,
                message: "\(place - 1) calls of the function come first")
    }

    /// The answer that `invoke` would have given.
    @Sendable private func result(_ request: Request, context: EvaluatorRequestContext) async throws
        -> Response
    {
        let id = try context.pathParameter("id")
        try await wait(id, try Query(request, allowed: ["wait"]))
        let call = try await record(id)
        guard call.state.isFinal else {
            throw Problem(
                .callNotEnded,
                "the call \(id) is \(call.state.rawValue); ask with ?wait=30s to wait for its end")
        }
        return try await answers.stored(call, isReplay: false)
    }

    @Sendable private func replay(_ request: Request, context: EvaluatorRequestContext) async throws
        -> Response
    {
        let id = try context.pathParameter("id")
        _ = try Query(request, allowed: [])
        let letter = try await record(id)
        guard let function = try await cache.find(letter.function, version: nil) else {
            throw Problem(
                .notReplayable,
                "the function \(letter.function) does not exist any more; register it again first")
        }
        guard let response = try await acceptor.replay(letter, function.version) else {
            let replayed = letter.async?.replayedAs.map { ": it was replayed as \($0)" } ?? ""
            throw Problem(.notReplayable, "the call \(id) is not a dead letter\(replayed)")
        }
        return response
    }

    /// Shorter than what proxies and clients let a request take.
    private static let longestWait = Duration.seconds(60)

    /// Answers with the record once the kernel says that the cell is gone, and everything is freed.
    @Sendable private func cancel(_ request: Request, context: EvaluatorRequestContext) async throws
        -> Response
    {
        let id = try context.pathParameter("id")
        _ = try Query(request, allowed: [])
        // A call can be on its way from the queue to the supervisor, where neither knows it.
        let end = ContinuousClock.now + Self.cancelDelay
        var isCancelled = false
        repeat {
            let isWaiting = try await dispatcher.cancel(id)
            let isRunning = supervisor.cancel(id: id)
            if isRunning { await calls.waitForEnd(id, atMost: Self.cancelDelay) }
            isCancelled = isCancelled || isWaiting || isRunning
            guard isCancelled, try await !record(id).state.isFinal else { break }
            try await Task.sleep(for: .milliseconds(5))
        } while ContinuousClock.now < end
        if try await hasEndedOtherwise(id) { isCancelled = false }
        guard isCancelled else {
            await calls.waitForReport(id, atMost: Self.reportDelay)
            let state = try await record(id).state.rawValue
            throw Problem(
                .callEnded, "the call \(id) cannot be cancelled any more: it is \(state)")
        }
        return try jsonResponse(CallView(try await record(id), withStack: true))
    }

    /// Whether a call was over before it could be cancelled.
    private func hasEndedOtherwise(_ id: String) async throws -> Bool {
        let state = try await record(id).state
        return state.isFinal && state != .cancelled
    }

    /// How long a cancelled cell may take to be gone before the record is shown as it is.
    private static let cancelDelay = Duration.seconds(2)

    private func record(_ id: String) async throws -> CallRecord {
        guard let call = try await calls.call(id) else { throw Self.notFound(id) }
        return call
    }

    static func notFound(_ id: String) -> Problem {
        Problem(
            .notFound,
            "there is no call \"\(id.prefix(100))\"; GET /v1/calls lists those that are remembered")
    }
}
