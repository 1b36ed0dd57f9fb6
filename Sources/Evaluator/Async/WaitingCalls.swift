import DequeModule
import FunctionRegistry
import HeapModule

/// The asynchronous calls that wait for an attempt, and which of them is next. Pure: the clock is a
/// parameter, in nanoseconds that never go back.
///
/// Functions take turns: the next call is of the function that has the fewest calls under way, the
/// longest waiting first. A flood of one function so waits for itself.
struct WaitingCalls {
    struct Entry: Equatable {
        var id: String
        var function: String
        var runtime: FunctionRuntime
        /// The function's own limit of calls at once.
        var concurrency: Int?
        var dueNs: UInt64
        /// After this no attempt begins.
        var expiresNs: UInt64
        var bytes: Int
    }

    private struct Ready {
        var number: UInt64
        var entry: Entry
    }

    private struct Due: Comparable {
        var ns: UInt64
        var id: String

        static func < (a: Due, b: Due) -> Bool { (a.ns, a.id) < (b.ns, b.id) }
    }

    /// Calls that are under way at once; a function that has none may exceed it, up to twice.
    private let mostUnderWay: Int
    private let limit: Limit
    /// By function, in the order of the numbers.
    private var ready: [String: Deque<Ready>] = [:]
    /// Where each of those that are ready is.
    private var places: [String: (function: String, number: UInt64)] = [:]
    private var lastNumber: UInt64 = 0
    /// Of functions whose limit has changed since their calls were accepted; they have waiting calls.
    private var concurrency: [String: Int?] = [:]
    private var delayed: [String: Entry] = [:]
    /// May name calls that are not delayed any more.
    private var dueTimes = Heap<Due>()
    private var underWay: [String: Int] = [:]
    private var underWayCount = 0
    private var counts: [String: (calls: Int, bytes: Int)] = [:]
    private var total = (calls: 0, bytes: 0)

    /// How much may wait.
    struct Limit {
        var calls = 100_000
        var bytes = 1 << 30
    }

    init(places: Int, limit: Limit = Limit()) {
        mostUnderWay = places
        self.limit = limit
    }

    /// Whether one more call of a function may be accepted. A function may have four times as much
    /// waiting as is still free, so that there is always room for another one.
    func hasRoom(for function: String, bytes: Int) -> Bool {
        let own = counts[function] ?? (0, 0)
        let free = (calls: limit.calls - total.calls, bytes: limit.bytes - total.bytes - bytes)
        return free.bytes >= 0 && own.calls < 4 * free.calls && own.bytes <= 4 * free.bytes
    }

    mutating func add(_ entry: Entry, nowNs: UInt64) {
        let own = counts[entry.function] ?? (0, 0)
        counts[entry.function] = (own.calls + 1, own.bytes + entry.bytes)
        total = (total.calls + 1, total.bytes + entry.bytes)
        if entry.dueNs <= nowNs {
            makeReady(entry)
        } else {
            delayed[entry.id] = entry
            dueTimes.insert(Due(ns: entry.dueNs, id: entry.id))
        }
    }

    /// The next call that may begin, which is then under way.
    /// - Parameter runtimes: those that can run calls now: an attempt is counted before it begins, and
    ///   should not be spent on waiting.
    mutating func next(
        nowNs: UInt64, runtimes: Set<FunctionRuntime> = Set(FunctionRuntime.allCases)
    ) -> Entry? {
        wake(nowNs)
        var best: (function: String, underWay: Int, dueNs: UInt64)?
        for (function, entries) in ready {
            guard let head = entries.first?.entry, runtimes.contains(head.runtime) else { continue }
            let own = underWay[function] ?? 0
            guard underWayCount < (own == 0 ? 2 * mostUnderWay : mostUnderWay),
                own < concurrency[function, default: head.concurrency] ?? .max
            else { continue }
            if let best, (best.underWay, best.dueNs) <= (own, head.dueNs) { continue }
            best = (function, own, head.dueNs)
        }
        guard let function = best?.function, let entry = ready[function]?.popFirst()?.entry else {
            return nil
        }
        if ready[function]?.isEmpty == true { ready[function] = nil }
        forget(entry)
        underWay[function, default: 0] += 1
        underWayCount += 1
        return entry
    }

    /// The attempt of a call that `next` gave out is over.
    mutating func finished(function: String) {
        underWayCount -= 1
        guard let own = underWay[function] else { return }
        underWay[function] = own > 1 ? own - 1 : nil
    }

    /// Takes out the calls that are too old to begin.
    mutating func takeExpired(nowNs: UInt64) -> [Entry] {
        wake(nowNs)
        var expired: [Entry] = []
        for (function, entries) in ready
        where entries.contains(where: { $0.entry.expiresNs < nowNs }) {
            let rest = entries.filter { $0.entry.expiresNs >= nowNs }
            expired += entries.lazy.map(\.entry).filter { $0.expiresNs < nowNs }
            ready[function] = rest.isEmpty ? nil : Deque(rest)
        }
        for entry in expired { forget(entry) }
        return expired
    }

    /// Takes out a call. `nil` when it does not wait here.
    mutating func remove(_ id: String) -> Entry? {
        if let entry = delayed.removeValue(forKey: id) {
            forget(entry)
            return entry
        }
        guard let (function, index) = find(id) else { return nil }
        let entry = ready[function]?.remove(at: index).entry
        if ready[function]?.isEmpty == true { ready[function] = nil }
        if let entry { forget(entry) }
        return entry
    }

    /// A call's place among the ready calls of its function, from 1; 0 for one that is not due yet, and
    /// `nil` for one that does not wait here.
    func place(of id: String) -> Int? {
        if delayed[id] != nil { return 0 }
        return find(id).map { $0.index + 1 }
    }

    /// Not by looking at all that wait: whoever asks holds up who else does.
    private func find(_ id: String) -> (function: String, index: Int)? {
        guard let (function, number) = places[id], let entries = ready[function] else { return nil }
        let index = entries.firstIndex(fromWhich: { $0.number >= number })
        guard index < entries.endIndex, entries[index].entry.id == id else { return nil }
        return (function, index)
    }

    /// Whether calls of a function wait.
    func has(_ function: String) -> Bool { counts[function] != nil }

    /// Whether none of a function's calls that are due may begin.
    func isPaused(_ function: String) -> Bool {
        concurrency[function, default: ready[function]?.first?.entry.concurrency] == 0
    }

    /// Changes a function's limit of calls at once, for calls that wait already too; with 0 none begins.
    mutating func setConcurrency(of function: String, _ limit: Int?) {
        guard has(function) else { return }
        concurrency[function] = .some(limit)
    }

    /// Whether calls wait whose time has come.
    var hasReady: Bool { !ready.isEmpty }

    /// When the next delayed call is due.
    mutating func nextDueNs() -> UInt64? {
        while let due = dueTimes.min, delayed[due.id]?.dueNs != due.ns { dueTimes.removeMin() }
        return dueTimes.min?.ns
    }

    private mutating func wake(_ nowNs: UInt64) {
        while let due = nextDueNs(), due <= nowNs {
            guard let id = dueTimes.popMin()?.id, let entry = delayed.removeValue(forKey: id) else {
                continue
            }
            makeReady(entry)
        }
    }

    private mutating func makeReady(_ entry: Entry) {
        lastNumber += 1
        places[entry.id] = (entry.function, lastNumber)
        ready[entry.function, default: []].append(Ready(number: lastNumber, entry: entry))
    }

    private mutating func forget(_ entry: Entry) {
        total = (total.calls - 1, total.bytes - entry.bytes)
        places[entry.id] = nil
        guard let own = counts[entry.function] else { return }
        counts[entry.function] =
            own.calls > 1 ? (own.calls - 1, own.bytes - entry.bytes) : nil
        if !has(entry.function) { concurrency[entry.function] = nil }
    }
}

extension WaitingCalls.Entry {
    /// - Parameters:
    ///   - nowNs: the clock that never goes back, and `nowMs` the one that the call's times are of.
    init(_ call: WaitingCall, nowNs: UInt64, nowMs: Int64) {
        // Of a clock that was set back, the stored times can be hours away: no pause is that long.
        let longest = Int64(AsyncSettings.longestBackoffMs)
        let dueInMs = min(max(0, call.dueAtMs - nowMs), longest)
        let expiresInMs = min(
            max(0, call.expiresAtMs - nowMs), Int64(AsyncSettings.maxAgeMsRange.upperBound))
        self.init(
            id: call.id, function: call.function, runtime: call.runtime,
            concurrency: call.concurrency,
            dueNs: nowNs + UInt64(dueInMs) * 1_000_000,
            expiresNs: nowNs + UInt64(expiresInMs) * 1_000_000, bytes: call.bytes)
    }
}
