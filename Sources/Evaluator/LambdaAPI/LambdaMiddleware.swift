import Foundation
import FunctionRegistry
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// Takes the requests that are Lambda's or CloudWatch Logs' out of those that arrive; the others go on.
struct LambdaMiddleware: RouterMiddleware {
    typealias Context = EvaluatorRequestContext

    let reader: LambdaRequestReader
    let service: LambdaService
    let logs: CloudWatchLogs
    let gate: LambdaGate
    let urls: FunctionURLGateway
    let bodies: RequestBodies

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard let kind = Self.kind(of: request) else { return try await next(request, context) }
        let id = newRevision()
        var response: Response
        do {
            response =
                switch kind {
                case .operation: try await perform(request, context, id: id)
                case .logs(let target): try await logs(target, request, context)
                case .url(let urlID, let path):
                    try await urls.answer(request, urlID: urlID, path: path, context: context)
                case .code:
                    try await service.codeLinks.answer(LambdaAddress(request), context)
                }
        } catch {
            var isLogs = false
            if case .logs = kind { isLogs = true }
            response = Self.refusal(error, request, isLogs: isLogs, context.logger)
        }
        if response.headers[.lambdaRequestID] == nil {
            response.headers[.lambdaRequestID] = id
        }
        return response
    }

    private static func refusal(
        _ error: any Error, _ request: Request, isLogs: Bool, _ logger: Logger
    ) -> Response {
        if let known = LambdaError(error) { return known.response(isLogs: isLogs) }
        logger.error(
            "a request failed",
            metadata: [
                "method": "\(request.method)", "path": "\(request.uri.path)", "reason": "\(error)",
            ])
        return LambdaError("ServiceException", 500, "the evaluator's log says what happened")
            .response(isLogs: isLogs)
    }

    // MARK: Whose request it is

    private enum Kind {
        case operation
        case logs(target: String)
        case url(id: String, path: String)
        case code
    }

    /// The id of the function URL that a host is; `nil` for any other host.
    private static func urlID(_ authority: String?) -> String? {
        // The search for a text takes longer than all else that is done here.
        guard let authority, authority.utf8.contains(UInt8(ascii: "-")),
            let dot = authority.firstRange(of: ".lambda-url.")
        else { return nil }
        return String(authority[..<dot.lowerBound])
    }

    private static func kind(of request: Request) -> Kind? {
        let path = request.uri.path
        if let id = urlID(request.head.authority) { return .url(id: id, path: path) }
        // Cloister's own API, which most requests are for, is told by a look at one byte.
        if path.utf8.dropFirst().first == UInt8(ascii: "v"), path.hasPrefix("/v1/") { return nil }
        if path.hasPrefix(FunctionURLGateway.prefix) {
            let rest = path.dropFirst(FunctionURLGateway.prefix.count)
            let id = rest.prefix { $0 != "/" }
            let further = rest.dropFirst(id.count)
            return .url(id: String(id), path: further.isEmpty ? "/" : String(further))
        }
        if path.hasPrefix(CodeLinks.prefix) { return .code }
        if path == "/", let target = request.headers[.lambdaTarget] {
            return .logs(target: target)
        }
        // Each path of Lambda's begins with the date of an API: /2015-03-31/functions.
        let date = path.utf8.dropFirst().prefix { $0 != UInt8(ascii: "/") }
        let isDate =
            date.count == 10
            && zip(date, 0...).allSatisfy { byte, place in
                place == 4 || place == 7
                    ? byte == UInt8(ascii: "-") : (0x30...0x39).contains(byte)
            }
        return isDate ? .operation : nil
    }

    // MARK: Operations

    private func perform(
        _ request: Request, _ context: Context, id: String
    ) async throws -> Response {
        let signed = try gate.claim(request)
        let region = region(of: request, signed)
        let address = LambdaAddress(request)
        guard
            let (operation, parameters) = reader.model.operation(
                request.method.rawValue, path: address.path, query: address.values)
        else {
            throw LambdaError.unknownOperation(
                "\(request.method.rawValue) \(address.path.prefix(300))")
        }
        let most = LambdaRequestReader.maximumBytes(operation)
        // Before the body, which can be long; but for nobody who has not shown who they are.
        let length = request.headers[.contentLength].flatMap { Int($0) } ?? .max
        if signed == nil, length > Aside.smallBytes, most > LambdaRequestReader.maximumBytes,
            let name = parameters["FunctionName"]
        {
            try await service.requireFunction(name, in: region)
        }
        let received: ReceivedBody
        do {
            received = try await bodies.collect(request, context, maximumBytes: most)
        } catch let problem as Problem where problem.kind == .payloadTooLarge {
            throw LambdaError(
                most > LambdaRequestReader.maximumPayloadBytes
                    ? "RequestEntityTooLargeException" : "RequestTooLargeException", 413,
                "Request must be smaller than \(most) bytes for the \(operation) operation")
        }
        defer { received.release() }
        let body = received.bytes
        var read = try await Aside.shared.run(for: body.readableBytes) { [gate, reader] in
            try gate.check(signed, service: "lambda", request, body: body)
            return try reader.read(
                operation, parameters: parameters, address: address, headers: request.headers,
                body: body, host: request.head.authority ?? "127.0.0.1", id: id, region: region)
        }
        read.channel = context.channel
        // An event that waits or runs has bounds of its own.
        if read.payload.readableBytes > 0 { received.release() }
        return try await service.perform(read)
    }

    /// The one that the signature names, also where it need not be right.
    private func region(of request: Request, _ signed: LambdaGate.Signed?) -> String {
        let claim = signed?.claim ?? (try? SignatureVerifier.claim(request))
        return service.names.region(given: claim?.region)
    }

    private func logs(
        _ target: String, _ request: Request, _ context: Context
    ) async throws -> Response {
        let signed = try gate.claim(request)
        let name = target.split(separator: ".").last.map(String.init) ?? target
        guard target.hasPrefix("Logs_20140328."), reader.model.operations["logs:\(name)"] != nil
        else {
            throw LambdaError(
                "UnknownOperationException", 400,
                "\(target.prefix(200)) is not supported here, where logs can be read only")
        }
        let received = try await bodies.collect(
            request, context, maximumBytes: LambdaRequestReader.maximumBytes)
        defer { received.release() }
        let body = received.bytes
        let input = try await Aside.shared.run(for: body.readableBytes) { [gate, reader] in
            try gate.check(signed, service: "logs", request, body: body)
            let input: JSONValue = body.readableBytes == 0 ? .object([:]) : try JSONValue(body)
            do {
                try reader.validator.check(input, "logs.\(name)Request", at: "")
            } catch let error as LambdaError {
                throw LambdaError("InvalidParameterException", 400, error.message)
            }
            return input
        }
        var response = try await logs.perform(name, input, in: region(of: request, signed))
        response.headers[.contentType] = "application/x-amz-json-1.1"
        return response
    }
}
