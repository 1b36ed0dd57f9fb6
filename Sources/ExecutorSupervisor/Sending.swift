import Glibc
import NIOCore
import SandboxKit

enum Sending {
    /// Sends several buffers with one system call and no copy.
    /// - Returns: the bytes sent, or `-errno`.
    static func send(_ parts: [ByteBuffer], to socket: Descriptor) -> Int {
        gather(parts[...], []) { $0.withUnsafeBufferPointer { socket.send($0) } }
    }

    private static func gather(
        _ parts: ArraySlice<ByteBuffer>, _ gathered: [iovec], _ body: ([iovec]) -> Int
    ) -> Int {
        guard let first = parts.first else { return body(gathered) }
        return first.withUnsafeReadableBytes { bytes in
            let part = iovec(
                iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count
            )
            return gather(parts.dropFirst(), gathered + [part], body)
        }
    }
}
