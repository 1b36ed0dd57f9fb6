import Foundation
import Glibc

/// One HTTP connection that is used again and again, with blocking calls: what it costs the machine
/// is small beside what is measured through it.
final class KeepAliveConnection {
    private let socket: Int32
    private let host: String
    private var unread: [UInt8] = []

    struct Failure: Error {
        var message: String
    }

    /// - Parameter endpoint: `http://127.0.0.1:8080`.
    init(_ endpoint: String) throws {
        let loopback = try Loopback(endpoint)
        socket = loopback.socket
        host = "127.0.0.1:\(loopback.port)"
        var one: Int32 = 1
        setsockopt(
            socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { close(socket) }

    /// Sends a call and does not wait for its answer.
    /// - Parameter length: the event's, if it is to be a lie.
    func send(_ function: String, _ event: String, length: Int? = nil) throws {
        try request(
            "POST /v1/functions/\(function)/invoke",
            "Content-Type: application/json\r\nContent-Length: \(length ?? event.utf8.count)\r\n",
            event)
    }

    /// Sends a request and does not wait for its answer.
    /// - Parameters:
    ///   - line: method and path.
    ///   - headers: further ones, each with its line end.
    func request(_ line: String, _ headers: String, _ body: String = "") throws {
        let bytes = Array("\(line) HTTP/1.1\r\nHost: \(host)\r\n\(headers)\r\n\(body)".utf8)
        guard write(socket, bytes, bytes.count) == bytes.count else {
            throw Failure(message: "write: errno \(errno)")
        }
    }

    /// Says that nothing more will be sent.
    func finish() { shutdown(socket, Int32(SHUT_WR)) }

    /// Waits for an answer that has a length, and returns its status.
    func receive() throws -> Int {
        var buffer = [UInt8](repeating: 0, count: 16 * 1024)
        while true {
            if let (status, length) = answer(), unread.count >= length {
                unread.removeFirst(length)
                return status
            }
            let count = read(socket, &buffer, buffer.count)
            guard count > 0 else { throw Failure(message: "read: \(count), errno \(errno)") }
            unread += buffer[..<count]
        }
    }

    /// Waits for the head of an answer, whose body may never end, and returns its status.
    func receiveHead() throws -> Int {
        var buffer = [UInt8](repeating: 0, count: 1024)
        while true {
            if let (status, _) = answer() { return status }
            let count = read(socket, &buffer, buffer.count)
            guard count > 0 else { throw Failure(message: "read: \(count), errno \(errno)") }
            unread += buffer[..<count]
        }
    }

    /// Whether an answer has come in part at least.
    var hasAnswer: Bool {
        var byte: UInt8 = 0
        return recv(socket, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) > 0
    }

    /// Makes a call; its time from the first byte sent to the last received, in milliseconds.
    func invoke(_ function: String, _ event: String = "{}") throws -> (status: Int, ms: Double) {
        let clock = ContinuousClock()
        let start = clock.now
        try send(function, event)
        let status = try receive()
        return (status, (clock.now - start) / .milliseconds(1))
    }

    /// The status and the whole length of the answer whose head is complete.
    private func answer() -> (status: Int, length: Int)? {
        let text = String(decoding: unread, as: UTF8.self)
        guard let end = text.range(of: "\r\n\r\n") else { return nil }
        let head = text[..<end.lowerBound].components(separatedBy: "\r\n")
        guard let status = head.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { return nil }
        let body = head.first { $0.lowercased().hasPrefix("content-length:") }
            .flatMap {
                Int($0.dropFirst("content-length:".count).trimmingCharacters(in: .whitespaces))
            }
        return (status, text[..<end.upperBound].utf8.count + (body ?? 0))
    }
}
