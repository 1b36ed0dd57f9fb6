import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import NIOHTTPTypesHTTP1

/// What kinds of problems there are; the raw value ends the document's `type`.
enum ProblemKind: String {
    case badRequest = "bad-request"
    case notFound = "not-found"
    case forbidden
    case methodNotAllowed = "method-not-allowed"
    case payloadTooLarge = "payload-too-large"
    case unsupportedMediaType = "unsupported-media-type"
    case requestTimeout = "request-timeout"
    case overloaded
    case invalidFunction = "invalid-function"
    case invalidBundle = "invalid-bundle"
    case queueFull = "queue-full"
    case functionPaused = "function-paused"
    case tooManyReads = "too-many-reads"
    case notReady = "not-ready"
    case shuttingDown = "shutting-down"
    case callFailed = "call-failed"
    case callTimedOut = "call-timed-out"
    case callCancelled = "call-cancelled"
    case callEnded = "call-ended"
    case callNotEnded = "call-not-ended"
    case notReplayable = "not-replayable"
    case idempotencyMismatch = "idempotency-mismatch"
    case storageFull = "storage-full"
    case storageUnavailable = "storage-unavailable"
    case internalError = "internal-error"

    var status: HTTPResponse.Status {
        switch self {
        case .badRequest, .invalidFunction, .invalidBundle: .badRequest
        case .notFound: .notFound
        case .forbidden: .forbidden
        case .methodNotAllowed: .methodNotAllowed
        case .payloadTooLarge: .contentTooLarge
        case .unsupportedMediaType: .unsupportedMediaType
        case .requestTimeout: .requestTimeout
        case .callEnded, .callNotEnded, .notReplayable: .conflict
        case .idempotencyMismatch: .unprocessableContent
        case .storageFull: .init(code: 507, reasonPhrase: "Insufficient Storage")
        case .storageUnavailable: .serviceUnavailable
        case .queueFull, .functionPaused, .tooManyReads: .tooManyRequests
        case .notReady, .shuttingDown, .overloaded: .serviceUnavailable
        case .callFailed: .badGateway
        case .callTimedOut: .gatewayTimeout
        // What nginx made of a client that went away; no RFC has a number for it.
        case .callCancelled: .init(code: 499, reasonPhrase: "Client Closed Request")
        case .internalError: .internalServerError
        }
    }

    var title: String {
        switch self {
        case .badRequest: "bad request"
        case .notFound: "not found"
        case .forbidden: "forbidden"
        case .methodNotAllowed: "method not allowed"
        case .payloadTooLarge: "payload too large"
        case .unsupportedMediaType: "unsupported media type"
        case .requestTimeout: "request timeout"
        case .overloaded: "too much at once"
        case .invalidFunction: "the function is not acceptable"
        case .invalidBundle: "the bundle was refused"
        case .queueFull: "the queue is full"
        case .functionPaused: "the function is paused"
        case .tooManyReads: "too many reads"
        case .notReady: "not ready"
        case .shuttingDown: "shutting down"
        case .callFailed: "the function failed"
        case .callTimedOut: "the function timed out"
        case .callCancelled: "the call was cancelled"
        case .callEnded: "the call has ended"
        case .callNotEnded: "the call has not ended"
        case .notReplayable: "the call cannot be replayed"
        case .idempotencyMismatch: "the idempotency key is of another request"
        case .storageFull: "the disk is full"
        case .storageUnavailable: "the store cannot be used"
        case .internalError: "internal error"
        }
    }
}

/// A failed request, answered as a problem document (RFC 9457).
struct Problem: Error {
    var kind: ProblemKind
    /// What was wrong and what to do.
    var detail: String
    /// The field of the request body that it is about.
    var field: String?
    var headers: HTTPFields = [:]
    /// With a problem that belongs to a call.
    var call: CallPart?
    /// A UNIX socket that answers what this does not.
    var socket: String?

    init(
        _ kind: ProblemKind, _ detail: String, field: String? = nil, headers: HTTPFields = [:],
        call: CallPart? = nil, socket: String? = nil
    ) {
        self.kind = kind
        self.detail = detail
        self.field = field
        self.headers = headers
        self.call = call
        self.socket = socket
    }

    struct CallPart {
        var callId: String
        var state: String
        var cause: String
        var errorType: String?
        var message: String
        var stack: [String]
        var exitCode: Int?
        var signal: String?
    }

    private struct Document: Encodable {
        var type: String
        var title: String
        var status: Int
        var detail: String
        var field: String?
        var callId: String?
        var state: String?
        var cause: String?
        var errorType: String?
        var message: String?
        var stack: [String]?
        var exitCode: Int?
        var signal: String?
        var socket: String?
    }

    private static let contentType = "application/problem+json"

    private var document: Document {
        let stack = call?.stack ?? []
        return Document(
            type: "https://cloister.invalid/problems/\(kind.rawValue)", title: kind.title,
            status: kind.status.code, detail: detail, field: field, callId: call?.callId,
            state: call?.state, cause: call?.cause, errorType: call?.errorType,
            message: call?.message,
            stack: stack.isEmpty ? nil : stack, exitCode: call?.exitCode, signal: call?.signal,
            socket: socket)
    }

    func response() throws -> Response {
        try jsonResponse(
            document, status: kind.status, contentType: Self.contentType, headers: headers)
    }

    /// The answer for a connection that is given it outside of Hummingbird.
    func parts() throws -> (HTTPResponseHead, ByteBuffer) {
        let body = try jsonBytes(document)
        var fields = headers
        fields[.contentType] = Self.contentType
        fields[.contentLength] = String(body.readableBytes)
        return (HTTPResponseHead(HTTPResponse(status: kind.status, headerFields: fields)), body)
    }
}

/// A response whose body is `value` as JSON.
func jsonResponse(
    _ value: some Encodable, status: HTTPResponse.Status = .ok,
    contentType: String = "application/json", headers: HTTPFields = [:]
) throws -> Response {
    var headers = headers
    headers[.contentType] = contentType
    return Response(
        status: status, headers: headers, body: ResponseBody(byteBuffer: try jsonBytes(value)))
}

private func jsonBytes(_ value: some Encodable) throws -> ByteBuffer {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return ByteBuffer(bytes: try encoder.encode(value))
}
