/// Which log lines have been shown.
///
/// Lines come twice: stored, and live. Neither has a number, and two lines may be the same to
/// the millisecond, so the same lines are counted.
struct ShownLines: Sendable {
    /// Most lines that are remembered: more than all attempts of a call may write.
    static let limit = 110_000

    private var counts: [Int: Int] = [:]
    private var order: [Int] = []
    private var oldest = 0
    /// Lines that were shown because they are stored, and that come live as well.
    private var expected: [Int: Int] = [:]

    /// The stored lines, in their order, that have not been shown; they are from now on.
    mutating func unseen(_ stored: Document<[LogLine]>) -> [Document<LogLine>] {
        expected = [:]
        let before = counts
        var found: [Int: Int] = [:]
        let json = stored.json["lines"]?.arrayValue ?? []
        return zip(stored.model, json).compactMap { line, json in
            let key = Self.key(line)
            found[key, default: 0] += 1
            guard found[key, default: 0] > before[key, default: 0] else { return nil }
            expected[key, default: 0] += 1
            remember(key)
            return Document(json: json, model: line)
        }
    }

    /// Whether a line that came live has not been shown; it is from now on.
    mutating func isUnseen(live line: LogLine) -> Bool {
        let key = Self.key(line)
        if let count = expected[key] {
            expected[key] = count > 1 ? count - 1 : nil
            return false
        }
        remember(key)
        return true
    }

    private mutating func remember(_ key: Int) {
        counts[key, default: 0] += 1
        if order.count < Self.limit {
            order.append(key)
            return
        }
        let gone = order[oldest]
        counts[gone] = counts[gone].flatMap { $0 > 1 ? $0 - 1 : nil }
        order[oldest] = key
        oldest = (oldest + 1) % Self.limit
    }

    private static func key(_ line: LogLine) -> Int {
        var hasher = Hasher()
        hasher.combine(line.time)
        hasher.combine(line.call)
        hasher.combine(line.attempt)
        hasher.combine(line.stream)
        hasher.combine(line.text)
        return hasher.finalize()
    }
}
