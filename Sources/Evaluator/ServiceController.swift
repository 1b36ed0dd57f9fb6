import ExecutorSupervisor
import HTTPTypes
import Hummingbird
import NIOCore
import SandboxKit

/// Health, readiness and the API's own description.
struct ServiceController: Sendable {
    let supervisor: any CallSupervising
    let protections: @Sendable () -> [Protection]
    let drain: DrainService

    func addRoutes(to router: Router<EvaluatorRequestContext>) {
        router.get(RouterPath(Routes.health), use: health)
        router.get(RouterPath(Routes.readiness), use: readiness)
        router.get(RouterPath(Routes.openAPI), use: openAPI)
    }

    private struct Readiness: Encodable {
        struct Template: Encodable {
            var runtime: String
            var state: String
            var interpreter: String?
            var parked: Int
            var restarts: Int
            var detail: String?
        }

        var ready: Bool
        var version: String
        var templates: [Template]
        var protections: [Protection]
    }

    @Sendable private func health(_ request: Request, context: EvaluatorRequestContext) async throws
        -> Response
    {
        _ = try Query(request, allowed: [])
        return try jsonResponse(["status": "ok"])
    }

    @Sendable private func readiness(_ request: Request, context: EvaluatorRequestContext)
        async throws -> Response
    {
        _ = try Query(request, allowed: [])
        let templates = supervisor.status()
        let isReady =
            !drain.isStopping && !templates.isEmpty && templates.allSatisfy { $0.state == .ready }
        let readiness = Readiness(
            ready: isReady, version: evaluatorVersion,
            templates: templates.map { template in
                Readiness.Template(
                    runtime: template.runtime.rawValue, state: template.state.rawValue,
                    interpreter: template.interpreter.isEmpty ? nil : template.interpreter,
                    parked: template.parked, restarts: template.restarts,
                    detail: template.detail.isEmpty ? nil : template.detail)
            },
            protections: protections())
        return try jsonResponse(readiness, status: isReady ? .ok : .serviceUnavailable)
    }

    @Sendable private func openAPI(_ request: Request, context: EvaluatorRequestContext)
        async throws -> Response
    {
        _ = try Query(request, allowed: [])
        return Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: OpenAPI.document)))
    }
}
