import NIOCore
import Synchronization

/// What clients have been answered and have not read, in bytes, of all connections. Beyond the budget the
/// one that has left its answer the longest loses its connection.
final class UnreadAnswers: Sendable {
    /// Pieces that are not counted: a connection holds few of them.
    static let free = 16 << 10

    /// What one reader has yet to read.
    final class Account: Sendable {
        private let answers: UnreadAnswers
        fileprivate let end: @Sendable () -> Void
        /// Guarded by the lock of all.
        fileprivate nonisolated(unsafe) var bytes = 0
        fileprivate nonisolated(unsafe) var sinceNs: UInt64 = 0
        fileprivate nonisolated(unsafe) var isEnded = false

        fileprivate init(_ answers: UnreadAnswers, end: @escaping @Sendable () -> Void) {
            self.answers = answers
            self.end = end
        }

        func add(_ count: Int) { answers.add(count, to: self) }
        func remove(_ count: Int) { answers.add(-count, to: self) }

        /// Nothing more is held for this reader, and nothing more is counted.
        func close() { answers.close(self) }
    }

    private struct State {
        var bytes = 0
        var unread: [ObjectIdentifier: Account] = [:]
    }

    private let most: Int
    private let state = Mutex(State())

    /// - Parameter most: bytes that may wait to be read.
    init(most: Int) {
        self.most = most
    }

    /// Bytes that wait to be read.
    var bytes: Int { state.withLock { $0.bytes } }

    /// - Parameter end: ends the reader's connection; must return at once.
    func account(end: @escaping @Sendable () -> Void) -> Account { Account(self, end: end) }

    func account(closing channel: any Channel) -> Account {
        account { channel.close(promise: nil) }
    }

    private func add(_ count: Int, to account: Account) {
        let ended: [Account] = state.withLock { state in
            guard !account.isEnded else { return [] }
            if account.bytes == 0 { account.sinceNs = NIODeadline.now().uptimeNanoseconds }
            account.bytes += count
            state.bytes += count
            state.unread[ObjectIdentifier(account)] = account.bytes > 0 ? account : nil
            var ended: [Account] = []
            while state.bytes > most,
                let oldest = state.unread.values.min(by: { $0.sinceNs < $1.sinceNs })
            {
                Self.end(oldest, &state)
                ended.append(oldest)
            }
            return ended
        }
        for account in ended { account.end() }
    }

    private func close(_ account: Account) {
        state.withLock { Self.end(account, &$0) }
    }

    private static func end(_ account: Account, _ state: inout State) {
        guard !account.isEnded else { return }
        account.isEnded = true
        state.bytes -= account.bytes
        state.unread[ObjectIdentifier(account)] = nil
    }
}
