import Foundation
import Glibc

/// A connected socket to an evaluator on this machine, and its port.
struct Loopback {
    let socket: Int32
    let port: Int

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// - Parameters:
    ///   - endpoint: `http://127.0.0.1:8080`.
    ///   - prepare: is given the socket before it is connected.
    init(_ endpoint: String, prepare: (Int32) -> Void = { _ in }) throws {
        guard let port = URL(string: endpoint)?.port else {
            throw Failure(description: "\(endpoint) has no port")
        }
        self.port = port
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        prepare(socket)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw Failure(description: "connect: errno \(errno)") }
    }
}
