import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

/// One HTTP answer, read to its end.
struct HTTPAnswer: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let body: [UInt8]

    func header(_ name: String) -> String? { headers.first(name: name) }
}

/// A stream that could not be opened, or that broke off.
struct ConnectionLost: Error, Sendable {
    let reason: String
}

/// Sends requests to the evaluator and explains why one could not be sent.
struct Transport: Sendable {
    /// More than any answer of the API; a wrong server must not fill the memory.
    static let maxAnswerBytes = 256 * 1_048_576

    let endpoint: Endpoint
    private let http: HTTPClient

    /// Runs `body` with a transport that is closed afterwards.
    static func with<Result: Sendable>(
        _ endpoint: Endpoint, _ body: (Transport) async throws -> Result
    ) async throws -> Result {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(5)))
        // By default a refused connection is tried again until the time is up.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            let result = try await body(Transport(endpoint: endpoint, http: http))
            try? await http.shutdown()
            return result
        } catch {
            try? await http.shutdown()
            throw error
        }
    }

    /// - Throws: `Failure` with status `unreachable` when there is no answer in time, and
    ///   `CancellationError`.
    func send(
        _ method: HTTPMethod, _ url: String, headers: [(String, String)] = [],
        body: [UInt8]? = nil, timeoutSeconds: Int64
    ) async throws -> HTTPAnswer {
        var request = request(method, url, headers)
        request.headers.replaceOrAdd(
            name: "Accept", value: "application/json, application/problem+json")
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body))
        }
        do {
            let response = try await http.execute(request, timeout: .seconds(timeoutSeconds))
            return try await Self.collect(response)
        } catch {
            if Task.isCancelled || error is CancellationError { throw CancellationError() }
            throw unreachable(because: reason(for: error, seconds: timeoutSeconds))
        }
    }

    /// Reads an answer while it comes, piece by piece.
    /// - Parameters:
    ///   - opened: is called once when the answer has begun. What comes is not read meanwhile.
    ///   - each: is called with each piece; false ends the stream.
    /// - Returns: nil, or another answer than the one that streams, read to its end.
    /// - Throws: `ConnectionLost`, `CancellationError` and what the closures throw.
    func stream(
        _ url: String, headers: [(String, String)], isStream: (HTTPAnswer) -> Bool,
        opened: () async throws -> Void, each: (ByteBuffer) async throws -> Bool
    ) async throws -> HTTPAnswer? {
        let response: HTTPClientResponse
        do {
            // The time is for the beginning of the answer only.
            response = try await http.execute(
                request(.GET, url, headers), timeout: .seconds(Self.streamSeconds))
            let head = HTTPAnswer(
                status: Int(response.status.code), headers: response.headers, body: [])
            guard isStream(head) else { return try await Self.collect(response) }
        } catch {
            throw lost(error)
        }
        try await opened()
        var pieces = response.body.makeAsyncIterator()
        while let piece = try await next(&pieces) {
            guard try await each(piece) else { break }
        }
        try Task.checkCancellation()
        return nil
    }

    private static let streamSeconds: Int64 = 30

    private func next(
        _ pieces: inout HTTPClientResponse.Body.AsyncIterator
    ) async throws -> ByteBuffer? {
        do {
            return try await pieces.next()
        } catch {
            throw lost(error)
        }
    }

    private func lost(_ error: any Error) -> any Error {
        if Task.isCancelled || error is CancellationError { return CancellationError() }
        return ConnectionLost(reason: reason(for: error, seconds: Self.streamSeconds))
    }

    private func request(
        _ method: HTTPMethod, _ url: String, _ headers: [(String, String)]
    ) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: url)
        request.method = method
        request.headers.add(name: "User-Agent", value: "fnctl")
        if endpoint.socket != nil { request.headers.add(name: "Host", value: "localhost") }
        request.headers.add(contentsOf: headers)
        return request
    }

    private static func collect(_ response: HTTPClientResponse) async throws -> HTTPAnswer {
        let body = try await response.body.collect(upTo: maxAnswerBytes)
        return HTTPAnswer(
            status: Int(response.status.code), headers: response.headers,
            body: Array(body.readableBytesView))
    }

    func unreachable(because reason: String) -> Failure {
        Failure(
            "cannot reach the evaluator at \(endpoint): \(reason); start it, or name another "
                + "with --endpoint or \(Endpoint.variable)",
            status: .unreachable)
    }

    private func reason(for error: any Error, seconds: Int64) -> String {
        switch error {
        case let error as NIOConnectionError:
            if let single = error.connectionErrors.first {
                return reason(for: single.error, seconds: seconds)
            }
            return "the host \(error.host) is not known"
        case let error as IOError:
            return String(cString: strerror(error.errnoCode)).lowercased()
        case let error as HTTPClientError where error == .deadlineExceeded || error == .readTimeout:
            return "no answer within \(seconds) s"
        case let error as HTTPClientError where error == .connectTimeout:
            return "no connection within 5 s"
        case let error as HTTPClientError where error == .remoteConnectionClosed:
            return "it closed the connection without the whole answer"
        case is NIOTooManyBytesError:
            return "its answer is larger than \(Format.size(bytes: Self.maxAnswerBytes))"
        default:
            return "\(error)"
        }
    }
}
