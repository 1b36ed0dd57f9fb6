import DequeModule
import FunctionRegistry
import Glibc
import NIOCore
import Synchronization

/// Hands what calls print to those who follow it, as it is printed.
///
/// Whoever publishes holds the supervisor's lock, so that no more is done there than to put the news into
/// an inbox. A thread of the hub's own takes them out, looks for each filter once which followers want them,
/// and writes each line once for all of these.
final class LogHub: Sendable {
    /// What calls tell.
    enum News: Sendable {
        case printed([CallLogLine], call: String, function: String, attempt: Int)
        case ended(AttemptEnd)
    }

    struct AttemptEnd: Sendable {
        var call: String
        var function: String
        var state: String
        var cause: String?
    }

    /// How much there may be.
    struct Limits {
        var followers = 128
        /// Of news that nobody has begun to look at; as much again is being looked at.
        var inboxBytes = 8 << 20
    }

    private struct Inbox {
        var news: Deque<News> = []
        var bytes = 0
        var lost = 0
        /// Whether the thread has been called, and has not found the inbox empty since.
        var isDrained = false
    }

    private struct Followers {
        var byFilter: [LogFilter: [Int: LogFollower]] = [:]
        var count = 0
        var last = 0
        var isClosed = false
    }

    private let limits: Limits
    private let inbox = Mutex(Inbox())
    private let followers = Mutex(Followers())
    private let followed = Atomic(false)

    init(limits: Limits = Limits()) { self.limits = limits }

    /// Whether it is of use to publish. Cheap.
    var isFollowed: Bool { followed.load(ordering: .relaxed) }

    // MARK: Those who follow

    /// Follows the news that match a filter, from now until the evaluator stops, or until what this answers
    /// with is let go.
    /// - Returns: `nil` when there are as many followers as may be.
    func follow(_ filter: LogFilter) -> LogFollowing? {
        let follower = LogFollower()
        let number: Int? = followers.withLock { followers in
            guard !followers.isClosed else {
                follower.close()
                return 0
            }
            guard followers.count < limits.followers else { return nil }
            followers.count += 1
            followers.last += 1
            followers.byFilter[filter, default: [:]][followers.last] = follower
            followed.store(true, ordering: .relaxed)
            return followers.last
        }
        return number.map { number in
            LogFollowing(follower) { [self] in remove(number, filter) }
        }
    }

    private func remove(_ number: Int, _ filter: LogFilter) {
        followers.withLock { followers in
            guard followers.byFilter[filter]?.removeValue(forKey: number) != nil else { return }
            if followers.byFilter[filter]?.isEmpty == true { followers.byFilter[filter] = nil }
            followers.count -= 1
            if followers.count == 0 { followed.store(false, ordering: .relaxed) }
        }
    }

    /// Ends every stream, and those that are asked for later.
    func close() {
        let all = followers.withLock { followers in
            followers.isClosed = true
            return followers.byFilter.values.flatMap(\.values)
        }
        for follower in all { follower.close() }
    }

    // MARK: The news

    /// Never waits, and looks at nothing.
    func publish(_ news: News) {
        guard isFollowed else { return }
        let bytes = news.bytes
        let calls = inbox.withLock { inbox in
            guard inbox.bytes + bytes <= limits.inboxBytes else {
                inbox.lost += news.count
                return false
            }
            inbox.news.append(news)
            inbox.bytes += bytes
            defer { inbox.isDrained = true }
            return !inbox.isDrained
        }
        if calls { QuietThreads.following.run { [self] in drain() } }
    }

    /// Runs on the hub's thread, round by round: what came meanwhile is handed on together, because each piece
    /// that a follower gets costs an event loop a write, however small it is.
    private func drain() {
        while true {
            let (news, lost): (Deque<News>, Int) = inbox.withLock { inbox in
                defer { (inbox.news, inbox.bytes, inbox.lost) = ([], 0, 0) }
                if inbox.news.isEmpty { inbox.isDrained = false }
                return (inbox.news, inbox.lost)
            }
            let groups = followers.withLock { $0.byFilter }
            if lost > 0 {
                for follower in groups.values.flatMap(\.values) { follower.miss(lost) }
            }
            guard !news.isEmpty else { return }
            distribute(news, groups)
            usleep(Self.pauseMicroseconds)
        }
    }

    private static let pauseMicroseconds: UInt32 = 20_000
    /// Bytes after which a piece of a stream is handed on.
    private static let pieceBytes = 64 << 10

    private func distribute(_ news: Deque<News>, _ groups: [LogFilter: [Int: LogFollower]]) {
        var pieces: [LogFilter: (bytes: ByteBuffer, events: Int)] = [:]
        func handOn(_ filter: LogFilter) {
            guard let piece = pieces.removeValue(forKey: filter) else { return }
            for follower in (groups[filter] ?? [:]).values {
                follower.take(piece.bytes, events: piece.events)
            }
        }
        for news in news {
            var text = LogNewsText(news)
            for filter in groups.keys {
                guard let (bytes, events) = text.matching(filter) else { continue }
                pieces[filter, default: (ByteBuffer(), 0)].bytes.writeImmutableBuffer(bytes)
                pieces[filter]?.events += events
                if pieces[filter]?.bytes.readableBytes ?? 0 > Self.pieceBytes { handOn(filter) }
            }
        }
        for filter in Array(pieces.keys) { handOn(filter) }
    }
}

extension LogHub.News {
    /// Roughly the memory that it holds.
    fileprivate var bytes: Int {
        guard case .printed(let lines, _, _, _) = self else { return 256 }
        return lines.reduce(256) { $0 + $1.text.utf8.count + 64 }
    }

    /// Events that followers are told of.
    fileprivate var count: Int {
        if case .printed(let lines, _, _, _) = self { lines.count } else { 1 }
    }
}
