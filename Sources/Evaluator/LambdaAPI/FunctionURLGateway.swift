import ExecutorSupervisor
import Foundation
import FunctionRegistry
import HTTPTypes
import Hummingbird
import NIOCore

/// Answers web requests with functions: at a host name of the function's own, `ID.lambda-url.REGION.HOST`,
/// and at a path, `/lambda-url/ID/`.
struct FunctionURLGateway: Sendable {
    static let prefix = "/lambda-url/"

    let registry: FunctionRegistry
    let functions: LambdaFunctions
    let invoker: LambdaInvoker
    let gate: LambdaGate
    let bodies: RequestBodies
    let unread: UnreadAnswers

    /// The address that clients are told. A number has no names below it, so there it is a path.
    static func url(_ id: String, host: String, region: String) -> String {
        let name = host.hasPrefix("[") ? host[...] : host.prefix { $0 != ":" }
        let isNumber = name.hasPrefix("[") || name.allSatisfy { $0.isNumber || $0 == "." }
        return isNumber
            ? "http://\(host)\(prefix)\(id)/" : "http://\(id).lambda-url.\(region).\(host)/"
    }

    func answer(
        _ request: Request, urlID: String, path: String, context: EvaluatorRequestContext
    ) async throws -> Response {
        guard let (target, url) = try await find(urlID) else {
            throw LambdaError(
                "AccessDeniedException", 403,
                "Forbidden. For troubleshooting Function URL authorization issues, see: "
                    + "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html")
        }
        let cors = CrossOrigin(url.cors, request)
        if let preflight = cors.preflight(request) { return preflight }
        let signed = url.authType == "AWS_IAM" ? try gate.claim(request) : nil
        if signed != nil, !LambdaAddress(request).isNormal {
            throw LambdaError(
                "InvalidSignatureException", 403,
                "A path with empty or relative steps is signed as another one; leave them out")
        }
        let reference = FunctionReference(target.function, qualifier: target.qualifier)
        let found = try await invoker.target(reference)
        let received: ReceivedBody
        do {
            received = try await bodies.collect(
                request, context, maximumBytes: LambdaRequestReader.maximumPayloadBytes)
        } catch let problem as Problem where problem.kind == .payloadTooLarge {
            return Self.plain(413, ["Message": "Request Entity Too Large"])
        }
        let body = received.bytes
        let trace = LambdaTrace.id(request.headers)
        let bytes = try await Aside.shared.run(for: body.readableBytes) { [gate, functions] in
            try gate.check(signed, service: "lambda", request, body: body)
            let event = WebEvent(
                request, id: urlID, path: path, body: body,
                sourceAddress: context.channel.remoteAddress?.ipAddress ?? "127.0.0.1",
                signer: signed.map { ($0.claim.keyID, functions.names.account) }, trace: trace)
            return ByteBuffer(bytes: event.json.data)
        }
        received.release()
        let outcome: LambdaInvoker.Outcome
        do {
            if url.invokeMode == "RESPONSE_STREAM" {
                let call = try await StreamedCall(
                    invoker, found, event: bytes, client: nil, trace: trace,
                    unread: unread.account(closing: context.channel))
                switch call.beginning {
                case .ended(let ended): outcome = ended
                case .streaming(let type, let first):
                    return try await StreamedWebAnswer(call: call).response(
                        type: type, first: first, decorate: cors.decorate)
                }
            } else {
                outcome = try await invoker.run(found, event: bytes, trace: trace)
            }
        } catch {
            guard let known = LambdaError(error), known.status == 429 else { throw error }
            return Self.plain(
                429, ["Reason": .string(known.reason ?? ""), "Message": "Rate Exceeded."])
        }
        var response: Response
        switch outcome.reply.result {
        case .completed(let result):
            response = try await Aside.shared.run(for: result.readableBytes) {
                try WebAnswer.response(result)
            }
        case .failed: response = WebAnswer.failure
        }
        response.headers[.lambdaRequestID] = LambdaRequestID.text(of: outcome.id)
        cors.decorate(&response)
        return response
    }

    private func find(
        _ id: String
    ) async throws -> (LambdaURLTarget, LambdaFunction.URLConfiguration)? {
        guard let document = try await registry.document(LambdaURLTarget.collection, id) else {
            return nil
        }
        let target: LambdaURLTarget = try decoded(document.body)
        guard let function = try await functions.find(target.function),
            let url = function.urls[target.qualifier ?? "$LATEST"], url.id == id
        else { return nil }
        if let alias = target.qualifier, function.aliases[alias] == nil {
            throw LambdaError.denied
        }
        return (target, url)
    }

    private static func plain(_ status: Int, _ body: JSONValue) -> Response {
        lambdaResponse(status, body)
    }
}

/// What a function URL says to browsers of other origins (fetch.spec.whatwg.org, "CORS protocol").
struct CrossOrigin: Sendable {
    private let origin: String?
    private let settings: JSONValue?

    init(_ settings: JSONValue?, _ request: Request) {
        self.settings = settings
        let given = request.headers[.origin]
        let allowed = settings?["AllowOrigins"]?.strings ?? []
        origin = given.flatMap { given in
            allowed.contains("*") || allowed.contains { $0.lowercased() == given.lowercased() }
                ? given : nil
        }
    }

    /// The answer to a browser that asks before it sends; `nil` for another request.
    func preflight(_ request: Request) -> Response? {
        guard let settings, request.method == .options,
            request.headers[.accessControlRequestMethod] != nil
        else { return nil }
        var response = Response(status: .ok)
        guard origin != nil else { return response }
        decorate(&response)
        func list(_ name: String) -> String? {
            settings[name]?.strings.map { $0.joined(separator: ",") }
        }
        response.headers[.accessControlAllowMethods] = list("AllowMethods")
        response.headers[.accessControlAllowHeaders] = list("AllowHeaders")
        response.headers[.accessControlMaxAge] = settings["MaxAge"]?.int.map(String.init)
        return response
    }

    func decorate(_ response: inout Response) {
        guard let origin, let settings else { return }
        let isAny = settings["AllowOrigins"]?.strings?.contains("*") == true
        // Not for every origin there is: any page could act for whoever looks at it.
        let withCredentials = settings["AllowCredentials"]?.bool == true && !isAny
        response.headers[.accessControlAllowOrigin] = isAny ? "*" : origin
        if !isAny { response.headers[.vary] = "Origin" }
        if withCredentials { response.headers[.accessControlAllowCredentials] = "true" }
        if let exposed = settings["ExposeHeaders"]?.strings, !exposed.isEmpty {
            response.headers[.accessControlExposeHeaders] = exposed.joined(separator: ",")
        }
    }
}
