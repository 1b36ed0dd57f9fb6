import CSandbox
import Glibc

/// Waits for many descriptors on one thread (epoll), for an owner that keeps the state.
///
/// Registrations may be made from any thread; `wait` is for one thread only. NIO is not used here
/// because it neither carries descriptors over sockets nor watches pidfds, and because a cell's few
/// descriptors live for milliseconds: a registration costs one system call and no allocation.
public final class Reactor: Sendable {
    /// What happened on a descriptor.
    public struct Events: OptionSet, Sendable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        public static let readable = Events(rawValue: EPOLLIN.rawValue)
        public static let writable = Events(rawValue: EPOLLOUT.rawValue)
        /// The other side is gone, or the descriptor is in error. Always reported.
        public static let closed = Events(rawValue: EPOLLHUP.rawValue | EPOLLERR.rawValue)
    }

    private static let wakeToken = UInt64.max
    private let poller: Descriptor
    private let waker: Descriptor

    public init() throws(SandboxError) {
        let raw = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard raw >= 0 else { throw SandboxError("make an epoll instance", code: errno) }
        poller = Descriptor(owning: raw)
        let event = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard event >= 0 else { throw SandboxError("make an eventfd", code: errno) }
        waker = Descriptor(owning: event)
        try add(waker, token: Reactor.wakeToken, for: .readable)
    }

    /// Starts watching. The token comes back with every event.
    public func add(_ descriptor: Descriptor, token: UInt64, for events: Events)
        throws(SandboxError)
    {
        try control(EPOLL_CTL_ADD, descriptor, token, events)
    }

    public func change(_ descriptor: Descriptor, token: UInt64, for events: Events)
        throws(SandboxError)
    {
        try control(EPOLL_CTL_MOD, descriptor, token, events)
    }

    /// Stops watching; needed only for a descriptor that stays open.
    public func remove(_ descriptor: Descriptor) {
        var unused = epoll_event()
        epoll_ctl(poller.raw, EPOLL_CTL_DEL, descriptor.raw, &unused)
    }

    /// Makes a `wait` that is under way, or the next one, return at once.
    public func wake() {
        var one: UInt64 = 1
        write(waker.raw, &one, MemoryLayout.size(ofValue: one))
    }

    /// Waits up to a number of milliseconds (-1: for ever) and hands on what happened.
    public func wait(milliseconds: Int32, _ handle: (UInt64, Events) -> Void) {
        withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 128) { space in
            guard let start = space.baseAddress else { return }
            let count = epoll_wait(poller.raw, start, Int32(space.count), milliseconds)
            guard count > 0 else { return }
            for index in 0..<Int(count) {
                let token = space[index].data.u64
                if token == Reactor.wakeToken {
                    var value: UInt64 = 0
                    read(waker.raw, &value, MemoryLayout.size(ofValue: value))
                } else {
                    handle(token, Events(rawValue: space[index].events))
                }
            }
        }
    }

    private func control(
        _ operation: Int32, _ descriptor: Descriptor, _ token: UInt64, _ events: Events
    ) throws(SandboxError) {
        var event = epoll_event()
        event.events = events.rawValue
        event.data.u64 = token
        guard epoll_ctl(poller.raw, operation, descriptor.raw, &event) == 0 else {
            throw SandboxError("watch a descriptor", code: errno)
        }
    }
}
