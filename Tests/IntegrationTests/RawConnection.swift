import Foundation
import Glibc

/// A connection that sends any bytes, and reads answers as RFC 9112, section 6.3 tells where they end.
final class RawConnection {
    struct Answer {
        var status: Int
        /// By their names in small letters; the last of each.
        var headers: [String: String]
        var body: [UInt8]
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private let socket: Int32
    private var unread: [UInt8] = []
    private var isAtEnd = false

    /// - Parameters:
    ///   - endpoint: `http://127.0.0.1:8080`.
    ///   - receiveBytes: of the socket's buffer; for clients that read slowly.
    init(_ endpoint: String, seconds: Int = 20, receiveBytes: Int32? = nil) throws {
        socket = try Loopback(endpoint) { socket in
            if var bytes = receiveBytes {
                setsockopt(
                    socket, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
            }
            var limit = timeval(tv_sec: seconds, tv_usec: 0)
            for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
                setsockopt(
                    socket, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
            }
        }.socket
    }

    deinit { Glibc.close(socket) }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure(description: "send: errno \(errno)") }
            sent += count
        }
    }

    /// - Parameter method: of the request that it is the answer to.
    func receive(_ method: String = "GET") throws -> Answer {
        while true {
            let answer = try receiveOne(method)
            if answer.status != 100 { return answer }
        }
    }

    /// Whether the evaluator has closed the connection, with nothing more to read.
    func isClosed() throws -> Bool {
        if !isAtEnd, unread.isEmpty { try fill() }
        return isAtEnd && unread.isEmpty
    }

    private func receiveOne(_ method: String) throws -> Answer {
        let lines = try line(endingWith: "\r\n\r\n").components(separatedBy: "\r\n")
        guard lines[0].hasPrefix("HTTP/1.1 "), let status = Int(lines[0].dropFirst(9).prefix(3))
        else {
            throw Failure(description: "this is no answer: \(lines[0].prefix(200))")
        }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() where !line.isEmpty {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
        }
        var answer = Answer(status: status, headers: headers, body: [])
        if method == "HEAD" || status < 200 || status == 204 || status == 304 { return answer }
        if headers["transfer-encoding"] == "chunked" {
            while let count = Int(try line(endingWith: "\r\n"), radix: 16), count > 0 {
                answer.body += try take(count)
                _ = try take(2)
            }
            _ = try line(endingWith: "\r\n")
        } else if let length = headers["content-length"].flatMap({ Int($0) }) {
            answer.body = try take(length)
        } else {
            while !isAtEnd { try fill() }
            answer.body = try take(unread.count)
        }
        return answer
    }

    private func line(endingWith end: String) throws -> String {
        let end = Array(end.utf8)
        while true {
            if let range = unread.firstRange(of: end) {
                let text = String(decoding: unread[..<range.lowerBound], as: UTF8.self)
                unread.removeFirst(range.upperBound)
                return text
            }
            try fillMore()
        }
    }

    private func take(_ count: Int) throws -> [UInt8] {
        while unread.count < count { try fillMore() }
        defer { unread.removeFirst(count) }
        return Array(unread[..<count])
    }

    private func fillMore() throws {
        guard !isAtEnd else { throw Failure(description: "the connection ended in an answer") }
        try fill()
    }

    private func fill() throws {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(socket, &buffer, buffer.count, 0)
        guard count >= 0 || errno == ECONNRESET else {
            throw Failure(description: "recv: errno \(errno)")
        }
        isAtEnd = count <= 0
        unread += buffer[..<max(0, count)]
    }
}
