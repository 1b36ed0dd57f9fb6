import Foundation

/// How the asynchronous calls of a function are treated.
public struct AsyncSettings: Sendable, Equatable, Codable {
    /// How often a call is tried, 1 to 10.
    public var attempts: Int
    /// Pause before the second attempt in milliseconds, 10 to 300,000; it doubles from one to the next.
    public var backoffMs: Int
    /// The causes after which a call is tried again; `nil` for every one that can be.
    public var retryOn: [String]?
    /// How long after it was accepted an attempt may still begin, in milliseconds, 1,000 to a week.
    public var maxAgeMs: Int
    /// URLs that are told of a call's end.
    public var onSuccess: String?
    public var onFailure: String?

    public init(
        attempts: Int = 3, backoffMs: Int = 1000, retryOn: [String]? = nil,
        maxAgeMs: Int = 21_600_000, onSuccess: String? = nil, onFailure: String? = nil
    ) {
        self.attempts = attempts
        self.backoffMs = backoffMs
        self.retryOn = retryOn
        self.maxAgeMs = maxAgeMs
        self.onSuccess = onSuccess
        self.onFailure = onFailure
    }

    public static let attemptsRange = 1...10
    public static let backoffMsRange = 10...300_000
    public static let maxAgeMsRange = 1000...604_800_000
    /// The longest pause between two attempts.
    public static let longestBackoffMs = 300_000

    /// Causes that no further attempt can change.
    public static let neverRetried: Set = ["cancelled", "expired"]

    /// Whether anybody is told of a call's end.
    public var hasWebhook: Bool { onSuccess != nil || onFailure != nil }

    /// Whether a receiver is no URL but a function of this evaluator, whose event has the call's.
    public static func isDestination(_ receiver: String) -> Bool { receiver.hasPrefix("arn:") }

    /// Whom a receiver shares its places with: the name of a URL's host, whatever its port, or a function.
    static func host(of receiver: String) -> String {
        if isDestination(receiver) {
            // Of any version or alias.
            return receiver.split(separator: ":").prefix(7).joined(separator: ":")
        }
        return URLComponents(string: receiver)?.host?.lowercased() ?? receiver
    }

    /// Whom to tell of a call that ended so. Of one that was cancelled, nobody.
    public func webhook(for state: CallRecord.State) -> String? {
        switch state {
        case .completed: onSuccess
        case .cancelled: nil
        default: onFailure
        }
    }

    /// What the end of an attempt leads to. Whoever saw it end, or finds that nobody did, asks here.
    /// - Parameters:
    ///   - attempt: the one that ended, from 1.
    ///   - cause: why it did not complete.
    ///   - result: what it completed with.
    public func outcome(
        ofAttempt attempt: Int, cause: String?, result: Data? = nil, acceptedAtMs: Int64,
        nowMs: Int64
    ) -> AttemptOutcome {
        guard let cause else { return .over(result: result) }
        if cause == "cancelled" { return .over(result: nil) }
        let pause = pause(after: attempt, cause: cause, ageMs: nowMs - acceptedAtMs)
        return pause.map { .retry(atMs: nowMs + $0) } ?? .dead
    }

    /// When to try a call again that has failed; `nil` when it is not to be.
    /// - Parameters:
    ///   - attempt: the one that failed, from 1.
    ///   - ageMs: how long ago the call was accepted.
    ///   - jitter: 0 to 1.
    /// - Returns: the pause in milliseconds.
    public func pause(
        after attempt: Int, cause: String, ageMs: Int64, jitter: Double = .random(in: 0...1)
    ) -> Int64? {
        guard attempt < attempts, !Self.neverRetried.contains(cause),
            retryOn?.contains(cause) ?? true
        else { return nil }
        let whole = min(backoffMs << min(attempt - 1, 20), Self.longestBackoffMs)
        let pause = Int64(Double(whole) * (0.5 + jitter / 2))
        return ageMs + pause <= maxAgeMs ? pause : nil
    }
}
