import Glibc
import Hummingbird
import NIOCore
import NIOPosix
import Synchronization

/// Processes that each echo what they are sent, one body at a time: the least that a server can do which
/// has its work done by other processes.
final class EchoProcesses: Sendable {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// One of them, and the connection to it.
    private struct Process: Sendable {
        var channel: any Channel
        var answers: Answers
    }

    private let idle: Mutex<[Process]>

    /// Starts as many as are asked for.
    init(_ count: Int) async throws {
        var processes: [Process] = []
        for _ in 0..<count {
            let answers = Answers()
            let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .channelInitializer { $0.pipeline.addHandler(answers) }
                .withConnectedSocket(try Self.spawn()).get()
            processes.append(Process(channel: channel, answers: answers))
        }
        idle = Mutex(processes)
    }

    /// Has the body echoed by a process that is idle.
    /// - Throws: `HTTPError` 503 when none is.
    func echo(_ body: ByteBuffer) async throws -> ByteBuffer {
        guard let process = idle.withLock({ $0.popLast() }) else {
            throw HTTPError(.serviceUnavailable)
        }
        let promise = process.channel.eventLoop.makePromise(of: ByteBuffer.self)
        process.answers.expect(body.readableBytes, promise)
        process.channel.writeAndFlush(body, promise: nil)
        let answer = try await promise.futureResult.get()
        idle.withLock { $0.append(process) }
        return answer
    }

    /// Starts this program once more, with one end of a socket pair as its standard input.
    /// - Returns: the other end.
    private static func spawn() throws -> CInt {
        var ends: [CInt] = [0, 0]
        guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue) | O_CLOEXEC, 0, &ends) == 0 else {
            throw Failure(description: "socketpair: \(String(cString: strerror(errno)))")
        }
        defer { close(ends[1]) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 0)
        let name = strdup("echo"), flag = strdup(echoFlag)
        defer { free(name); free(flag) }
        var pid: pid_t = 0
        let result = posix_spawn(&pid, "/proc/self/exe", &actions, nil, [name, flag, nil], environ)
        guard result == 0 else {
            throw Failure(description: "posix_spawn: \(String(cString: strerror(result)))")
        }
        return ends[0]
    }

    static let echoFlag = "--echo"

    /// What each process does, until its server is gone.
    static func serve() {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(0, &buffer, buffer.count)
            guard count > 0 else { return }
            var sent = 0
            while sent < count {
                let written = buffer.withUnsafeBytes {
                    write(0, $0.baseAddress! + sent, count - sent)
                }
                guard written > 0 else { return }
                sent += written
            }
        }
    }
}

/// Collects the bytes of an answer whose length is known.
private final class Answers: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private struct State {
        var missing = 0
        var bytes = ByteBuffer()
        var promise: EventLoopPromise<ByteBuffer>?
    }

    private let state = Mutex(State())

    func expect(_ count: Int, _ promise: EventLoopPromise<ByteBuffer>) {
        state.withLock { $0 = State(missing: count, promise: promise) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var part = unwrapInboundIn(data)
        let ended: State? = state.withLock { state in
            state.missing -= part.readableBytes
            state.bytes.writeBuffer(&part)
            return state.missing > 0 ? nil : state
        }
        if let ended { ended.promise?.succeed(ended.bytes) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        state.withLock { $0.promise }?.fail(
            EchoProcesses.Failure(description: "the process ended"))
    }
}
