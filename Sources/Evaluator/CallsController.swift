import ExecutorSupervisor
import FunctionRegistry
import HTTPTypes
import Hummingbird

/// `/v1/calls`: the records and logs of calls.
struct CallsController: Sendable {
    let calls: CallRecorder
    let supervisor: any CallSupervising

    /// How long a reader waits for the measurements of a call that has just been answered.
    private static let reportDelay = Duration.milliseconds(500)

    func addRoutes(to router: Router<EvaluatorRequestContext>) {
        router.get(RouterPath(Routes.calls), use: list)
        router.get(RouterPath(Routes.call), use: get)
        router.delete(RouterPath(Routes.call), use: cancel)
        router.get(RouterPath(Routes.logs), use: logs)
    }

    private struct CallList: Encodable {
        var calls: [CallView]
        var nextCursor: String?
    }

    @Sendable private func list(_ request: Request, context: EvaluatorRequestContext) async throws
        -> Response
    {
        let query = try Query(request, allowed: ["function", "state", "limit", "cursor"])
        let state = try query.text("state").map { text in
            guard let state = CallRecord.State(rawValue: text) else {
                let states = CallRecord.State.allCases.map(\.rawValue).joined(separator: ", ")
                throw Problem(
                    .badRequest, "the query parameter \"state\" has to be one of: \(states)")
            }
            return state
        }
        let page = try await calls.calls(
            CallFilter(function: query.text("function"), state: state), limit: query.limit(),
            cursor: query.text("cursor"))
        return try jsonResponse(
            CallList(
                calls: page.items.map { CallView($0, withStack: false) },
                nextCursor: page.nextCursor))
    }

    @Sendable private func get(_ request: Request, context: EvaluatorRequestContext) async throws
        -> Response
    {
        let id = try context.pathParameter("id")
        if let wait = try Query(request, allowed: ["wait"]).duration(
            "wait", atMost: Self.longestWait)
        {
            await calls.waitForEnd(id, atMost: wait)
        } else {
            await calls.waitForReport(id, atMost: Self.reportDelay)
        }
        return try jsonResponse(CallView(try await record(id), withStack: true))
    }

    /// Shorter than what proxies and clients let a request take.
    private static let longestWait = Duration.seconds(60)

    /// Answers with the record once the kernel says that the cell is gone, and everything is freed.
    @Sendable private func cancel(_ request: Request, context: EvaluatorRequestContext) async throws
        -> Response
    {
        let id = try context.pathParameter("id")
        _ = try Query(request, allowed: [])
        guard supervisor.cancel(id: id) else {
            await calls.waitForReport(id, atMost: Self.reportDelay)
            let state = try await record(id).state.rawValue
            throw Problem(
                .callEnded, "the call \(id) cannot be cancelled any more: it is \(state)")
        }
        await calls.waitForEnd(id, atMost: Self.cancelDelay)
        return try jsonResponse(CallView(try await record(id), withStack: true))
    }

    /// How long a cancelled cell may take to be gone before the record is shown as it is.
    private static let cancelDelay = Duration.seconds(2)

    @Sendable private func logs(_ request: Request, context: EvaluatorRequestContext) async throws
        -> Response
    {
        let id = try context.pathParameter("id")
        _ = try Query(request, allowed: [])
        await calls.waitForReport(id, atMost: Self.reportDelay)
        guard let log = try await calls.log(id) else { throw Self.notFound(id) }
        return try jsonResponse(LogView(log))
    }

    private func record(_ id: String) async throws -> CallRecord {
        guard let call = try await calls.call(id) else { throw Self.notFound(id) }
        return call
    }

    private static func notFound(_ id: String) -> Problem {
        Problem(
            .notFound,
            "there is no call \"\(id.prefix(100))\"; GET /v1/calls lists those that are remembered")
    }
}
