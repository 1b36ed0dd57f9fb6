import Foundation
import FunctionRegistry
import HTTPTypes
import Hummingbird
import NIOCore

/// `/v1/logs` and `/v1/calls/{id}/logs`: what calls printed, kept and as it happens.
struct LogsController: Sendable {
    let calls: CallRecorder
    let hub: LogHub
    let reads: SlowReads

    func addRoutes(to router: Router<EvaluatorRequestContext>) {
        router.get(RouterPath(Routes.allLogs), use: search)
        router.get(RouterPath(Routes.logs), use: ofCall)
    }

    @Sendable private func ofCall(_ request: Request, context: EvaluatorRequestContext) async throws
        -> Response
    {
        let id = try context.pathParameter("id")
        _ = try Query(request, allowed: [])
        await calls.waitForReport(id, atMost: CallsController.reportDelay)
        return try await reads.run {
            guard let log = try await calls.log(id) else { throw CallsController.notFound(id) }
            return Self.response(
                LogLineText.list(log.lines, further: ",\"truncated\":\(log.truncated)"))
        }
    }

    @Sendable private func search(_ request: Request, context: EvaluatorRequestContext) async throws
        -> Response
    {
        let query = try Query(
            request,
            allowed: [
                "function", "call", "level", "text", "since", "until", "limit", "cursor",
            ])
        var filter = LogFilter(
            function: query.text("function"), call: query.text("call"), text: query.text("text"))
        filter.level = try query.text("level").map { text in
            guard let level = LogLevel(named: text) else {
                let levels = LogLevel.allCases.map(\.name).joined(separator: ", ")
                throw Problem(
                    .badRequest, "the query parameter \"level\" has to be one of: \(levels)")
            }
            return level
        }
        filter.sinceMs = try query.time("since")
        filter.untilMs = try query.time("until")
        if request.headers[.accept]?.lowercased().contains("text/event-stream") == true {
            return try stream(filter)
        }
        let (limit, cursor) = (try query.limit(), query.text("cursor"))
        return try await reads.run { [filter] in
            let page = try await calls.lines(filter, limit: limit, cursor: cursor)
            let cursor = page.nextCursor.map { ",\"nextCursor\":\"\($0)\"" } ?? ""
            return Self.response(LogLineText.list(page.items, further: cursor))
        }
    }

    private static func response(_ json: String) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: json)))
    }

    private func stream(_ filter: LogFilter) throws -> Response {
        guard let following = hub.follow(filter) else {
            throw Problem(
                .tooManyReads, "as many follow logs as may; try again when another has ended",
                headers: [.retryAfter: "30"])
        }
        return Response(
            status: .ok,
            headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
            body: ResponseBody { writer in
                var writer = writer
                try await following.forEach { try await writer.write($0) }
                try await writer.finish(nil)
            })
    }
}
