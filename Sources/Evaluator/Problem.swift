import Foundation
import HTTPTypes
import Hummingbird

/// What kinds of problems there are; the raw value ends the document's `type`.
enum ProblemKind: String {
    case badRequest = "bad-request"
    case notFound = "not-found"
    case forbidden
    case methodNotAllowed = "method-not-allowed"
    case payloadTooLarge = "payload-too-large"
    case unsupportedMediaType = "unsupported-media-type"
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
        case .callEnded, .callNotEnded, .notReplayable: .conflict
        case .idempotencyMismatch: .unprocessableContent
        case .storageFull: .init(code: 507, reasonPhrase: "Insufficient Storage")
        case .storageUnavailable: .serviceUnavailable
        case .queueFull, .functionPaused, .tooManyReads: .tooManyRequests
        case .notReady, .shuttingDown: .serviceUnavailable
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

    init(
        _ kind: ProblemKind, _ detail: String, field: String? = nil, headers: HTTPFields = [:],
        call: CallPart? = nil
    ) {
        self.kind = kind
        self.detail = detail
        self.field = field
        self.headers = headers
        self.call = call
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
    }

    func response() throws -> Response {
        let stack = call?.stack ?? []
        let document = Document(
            type: "https://cloister.invalid/problems/\(kind.rawValue)", title: kind.title,
            status: kind.status.code, detail: detail, field: field, callId: call?.callId,
            state: call?.state, cause: call?.cause, errorType: call?.errorType,
            message: call?.message,
            stack: stack.isEmpty ? nil : stack, exitCode: call?.exitCode, signal: call?.signal)
        return try jsonResponse(
            document, status: kind.status, contentType: "application/problem+json", headers: headers
        )
    }
}

/// A response whose body is `value` as JSON.
func jsonResponse(
    _ value: some Encodable, status: HTTPResponse.Status = .ok,
    contentType: String = "application/json", headers: HTTPFields = [:]
) throws -> Response {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var headers = headers
    headers[.contentType] = contentType
    return Response(
        status: status, headers: headers,
        body: ResponseBody(byteBuffer: ByteBuffer(bytes: try encoder.encode(value))))
}
