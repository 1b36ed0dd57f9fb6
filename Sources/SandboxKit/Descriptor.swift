import CSandbox
import Glibc

/// An open file descriptor that closes when its last owner lets go of it.
public final class Descriptor: Sendable {
    public let raw: Int32

    /// Takes ownership of an open descriptor.
    public init(owning raw: Int32) {
        self.raw = raw
    }

    deinit {
        close(raw)
    }

    /// A connected pair of UNIX sockets of a type (`SOCK_STREAM`, `SOCK_SEQPACKET`).
    static func socketPair(type: Int32) throws(SandboxError) -> (Descriptor, Descriptor) {
        var pair: [Int32] = [-1, -1]
        try check(csb_socketpair(type, &pair), "make a socket pair", detail: tooManyFiles)
        return (Descriptor(owning: pair[0]), Descriptor(owning: pair[1]))
    }

    /// A pipe: its reading end and its writing end.
    static func pipe() throws(SandboxError) -> (reading: Descriptor, writing: Descriptor) {
        var pair: [Int32] = [-1, -1]
        try check(csb_pipe(&pair), "make a pipe", detail: tooManyFiles)
        return (Descriptor(owning: pair[0]), Descriptor(owning: pair[1]))
    }

    /// Memory that can be handed to another process as a file.
    /// - Parameter fixedSize: whether its size can never change again.
    static func memory(named name: String, size: Int, fixedSize: Bool) throws(SandboxError)
        -> Descriptor
    {
        Descriptor(
            owning: try check(
                csb_memfd(name, size, fixedSize ? 1 : 0), "make shared memory", detail: tooManyFiles
            ))
    }

    /// A memory file that holds the bytes, read from its start.
    static func memory(named name: String, holding bytes: [UInt8]) throws(SandboxError)
        -> Descriptor
    {
        let file = try memory(named: name, size: 0, fixedSize: false)
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(file.raw, $0.baseAddress?.advanced(by: written), bytes.count - written)
            }
            guard count > 0 else { throw SandboxError("fill shared memory", code: errno) }
            written += count
        }
        lseek(file.raw, 0, SEEK_SET)
        return file
    }

    static func open(_ path: String, _ flags: Int32) throws(SandboxError) -> Descriptor {
        let raw = Glibc.open(path, flags | O_CLOEXEC)
        guard raw >= 0 else { throw SandboxError("open \(path)", code: errno) }
        return Descriptor(owning: raw)
    }

    /// Sends several parts as one, without waiting.
    /// - Returns: the bytes that the socket took, or `-errno`.
    public func send(_ parts: UnsafeBufferPointer<iovec>) -> Int {
        csb_send_parts(raw, parts.baseAddress, Int32(parts.count))
    }

    func setNonBlocking() throws(SandboxError) {
        try check(csb_set_nonblocking(raw), "make a descriptor non-blocking")
    }

    private static let tooManyFiles =
        "when there are too many open files: raise the limit with ulimit -n"
}
