import Foundation
import FunctionRegistry
import HTTPTypes
import Hummingbird
import NIOCore

/// `/v1/logs` and `/v1/calls/{id}/logs`: what calls printed, kept and as it happens.
struct LogsController: Sendable {
    let calls: CallRecorder
    let hub: LogHub

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
        guard let log = try await calls.log(id) else { throw CallsController.notFound(id) }
        return Self.response(
            LogLineText.list(log.lines, further: ",\"truncated\":\(log.truncated)"))
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
            return stream(filter)
        }
        let page = try await calls.lines(
            filter, limit: query.limit(), cursor: query.text("cursor"))
        let cursor = page.nextCursor.map { ",\"nextCursor\":\"\($0)\"" } ?? ""
        return Self.response(LogLineText.list(page.items, further: cursor))
    }

    private static func response(_ json: String) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: json)))
    }

    /// Server-sent events (html.spec.whatwg.org/multipage/server-sent-events.html).
    private func stream(_ filter: LogFilter) -> Response {
        Response(
            status: .ok,
            headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
            body: ResponseBody { [hub] writer in
                var writer = writer
                try await hub.follow(filter) { follower in
                    try await writer.write(ByteBuffer(string: ": following\n\n"))
                    while let event = await follower.next() {
                        try await writer.write(ByteBuffer(string: Self.text(event)))
                    }
                }
                try await writer.finish(nil)
            })
    }

    private static func text(_ event: LogHub.Event) -> String {
        switch event {
        case .line(let line): "event: line\ndata: \(LogLineText.json(line))\n\n"
        case .end(let end):
            "event: end\ndata: {\"call\":\"\(end.call)\",\"function\":\"\(end.function)\","
                + "\"state\":\"\(end.state)\""
                + (end.cause.map { ",\"cause\":\"\($0)\"" } ?? "") + "}\n\n"
        case .lost(let count): "event: lost\ndata: {\"events\":\(count)}\n\n"
        case .heartbeat: ": nothing new\n\n"
        }
    }
}
