import NIOCore

/// How slowly a request may come. A client has some time at first, and gains more with what it sends, but
/// never more than it had at first: one that stops is ended, however much it has sent before.
///
/// Pure: it is told the time.
struct RequestPace {
    /// Bytes that a second is gained with.
    static let bytesPerSecond = 10_000
    /// How long what is left of a body is still read, and dropped, once it has been answered. To close at once
    /// could take the answer away from a client that is still sending (RFC 9112, section 9.6).
    static let lingering = TimeAmount.seconds(30)

    private let grace: TimeAmount
    private(set) var deadline: NIODeadline
    private var bytes = 0
    private var isAnswered = false

    init(grace: TimeAmount, at now: NIODeadline) {
        self.grace = grace
        deadline = now + grace
    }

    mutating func received(_ count: Int) { bytes += count }

    mutating func answered(at now: NIODeadline) {
        isAnswered = true
        deadline = min(deadline, now + Self.lingering)
    }

    /// Whether the time is up; call it when the deadline has come, which may have moved since.
    mutating func isOver(at now: NIODeadline) -> Bool {
        if !isAnswered, bytes > 0 {
            let gained = Double(bytes) / Double(Self.bytesPerSecond)
            let nanoseconds = min(gained * 1e9, Double(grace.nanoseconds))
            deadline = min(now + grace, deadline + .nanoseconds(Int64(nanoseconds)))
            bytes = 0
        }
        return now >= deadline
    }
}

/// Whether a body comes in pieces that are so small that to read it costs more than to send it.
struct PieceSizes {
    /// Pieces that may have any size.
    static let free = 4096
    /// Bytes that a piece has on average at least after that.
    static let least = 256

    private var pieces = 0
    private var bytes = 0

    mutating func add(_ count: Int) {
        pieces += 1
        bytes += count
    }

    var areTooSmall: Bool { pieces > Self.free && bytes < (pieces - Self.free) * Self.least }
}
