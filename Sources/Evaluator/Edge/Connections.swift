import HummingbirdCore
import NIOCore
import Synchronization

/// The open connections. Where there are as many as may be, one that waits for nothing makes room for the next
/// client; where all are at work, clients wait in the kernel's backlog until one is done.
final class Connections: Sendable {
    /// One of them.
    final class Connection: Sendable {
        /// Closes it, unless a request has come meanwhile.
        fileprivate let closeIfIdle: @Sendable () -> Void
        /// Since when it waits for a request; 0 while it does not.
        private let idleSinceNs: Atomic<UInt64>
        /// Where it is among the open ones; guarded by their lock.
        fileprivate nonisolated(unsafe) var place = 0

        fileprivate init(closeIfIdle: @escaping @Sendable () -> Void) {
            self.closeIfIdle = closeIfIdle
            idleSinceNs = Atomic(NIODeadline.now().uptimeNanoseconds)
        }

        var isIdle: Bool { idleSinceNs.load(ordering: .relaxed) != 0 }

        func becameBusy() { idleSinceNs.store(0, ordering: .relaxed) }

        func becameIdle() {
            idleSinceNs.store(NIODeadline.now().uptimeNanoseconds, ordering: .relaxed)
        }

        fileprivate var since: UInt64 { idleSinceNs.load(ordering: .relaxed) }
    }

    /// Of how many that are drawn the one that is idle the longest is closed, as Redis picks what it drops
    /// from its memory: almost as good as the very longest, at a cost that does not grow.
    private static let drawn = 16

    private let open = Mutex<[Connection]>([])
    private let full = Atomic(false)

    /// Whether clients wait for a connection to end.
    var isFull: Bool { full.load(ordering: .relaxed) }

    func opened(closeIfIdle: @escaping @Sendable () -> Void) -> Connection {
        let connection = Connection(closeIfIdle: closeIfIdle)
        open.withLock { open in
            connection.place = open.count
            open.append(connection)
        }
        return connection
    }

    func closed(_ connection: Connection) {
        open.withLock { open in
            guard let last = open.popLast(), last !== connection else { return }
            last.place = connection.place
            open[last.place] = last
        }
    }

    fileprivate func makeRoom() {
        let longest = open.withLock { open in
            (0..<min(Self.drawn, open.count)).compactMap { _ in open.randomElement() }
                .filter(\.isIdle).min { $0.since < $1.since }
        }
        full.store(longest == nil, ordering: .relaxed)
        longest?.closeIfIdle()
    }

    fileprivate func hasRoom() { full.store(false, ordering: .relaxed) }
}

/// Tells the server when to accept another connection. It counts for itself: a connection counts from the
/// moment that it was accepted.
struct ConnectionLimit: AvailableConnectionsDelegate {
    let connections: Connections
    let most: Int
    private var count = 0

    init(_ connections: Connections, most: Int) {
        self.connections = connections
        self.most = most
    }

    mutating func connectionOpened() { count += 1 }
    mutating func connectionClosed() { count -= 1 }

    /// Asked after each connection, and again when one has closed.
    func isAcceptingNewConnections() -> Bool {
        guard count < most else {
            connections.makeRoom()
            return false
        }
        connections.hasRoom()
        return true
    }
}
