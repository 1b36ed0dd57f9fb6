/// The calls that wait, and whose turn is next: the function's that has the fewest calls running,
/// and among equals the one that has waited longest. Within a function, and runtime, it is first
/// come, first served.
///
/// It also counts what runs, over all versions of a function, and says who may still wait.
struct FairQueue<Call> {
    /// A waiting call's place. Needed to take it out.
    struct Ticket {
        fileprivate var number: UInt64
        fileprivate var function: String
        fileprivate var runtime: Runtime
        fileprivate var bytes: Int
    }

    /// What there is for a waiting call.
    enum Offer {
        case nothing
        /// A cell; it may be kept for functions that run nothing.
        case cell(newcomersOnly: Bool)
    }

    /// A call that could start now.
    struct Candidate {
        fileprivate var ticket: Ticket
        /// Calls of its function that run.
        var running: Int

        /// Whether its turn is before another's.
        func goes(before other: Candidate) -> Bool {
            running == other.running
                ? ticket.number < other.ticket.number : running < other.running
        }
    }

    private struct Waiting {
        var call: Call
        var concurrency: Int?
        var bytes: Int
    }

    /// What a function has in all runtimes.
    private struct Account {
        var running = 0
        var waiting = 0
        var bytes = 0
        var isIdle: Bool { running == 0 && waiting == 0 }
    }

    private var lines: [Runtime: [String: WaitingLine<Waiting>]] = [:]
    private var accounts: [String: Account] = [:]
    private var orders: [Runtime: TurnOrder] = [:]
    /// Functions that are passed over at most in one search for the next call.
    private static var mostPassedOver: Int { 100 }
    private var lastNumber: UInt64 = 0
    private let limits: AdmissionLimits
    private(set) var count = 0
    /// Bytes of the events that wait.
    private(set) var bytes = 0

    init(limits: AdmissionLimits) {
        self.limits = limits
    }

    // MARK: who may wait

    /// Whether one more call of a function may wait.
    func admits(_ function: String, bytes more: Int) -> Bool {
        let own = accounts[function] ?? Account()
        return limits.admit(
            calls: (own.waiting, count), bytes: (own.bytes, bytes), more: more)
    }

    mutating func append(
        _ call: Call, function: String, runtime: Runtime, concurrency: Int?, bytes: Int
    ) -> Ticket {
        lastNumber += 1
        let isFirst = lines[runtime]?[function] == nil
        lines[runtime, default: [:]][function, default: WaitingLine()].append(
            Waiting(call: call, concurrency: concurrency, bytes: bytes), number: lastNumber)
        if isFirst, let turn = turn(function, runtime) {
            orders[runtime, default: TurnOrder()].insert(turn)
        }
        accounts[function, default: Account()].waiting += 1
        accounts[function, default: Account()].bytes += bytes
        count += 1
        self.bytes += bytes
        return Ticket(number: lastNumber, function: function, runtime: runtime, bytes: bytes)
    }

    /// Takes a call out, from wherever it stands; `nil` when it no longer waits.
    @discardableResult
    mutating func remove(_ ticket: Ticket) -> Call? {
        let before = turn(ticket.function, ticket.runtime)
        guard
            let waiting = lines[ticket.runtime]?[ticket.function]?.remove(ticket.number)
        else { return nil }
        if lines[ticket.runtime]?[ticket.function]?.isEmpty == true {
            lines[ticket.runtime]?[ticket.function] = nil
        }
        move(before, to: turn(ticket.function, ticket.runtime), ticket.runtime)
        change(ticket.function) {
            $0.waiting -= 1
            $0.bytes -= waiting.bytes
        }
        count -= 1
        bytes -= waiting.bytes
        return waiting.call
    }

    /// Takes out all calls of a runtime, in the order in which they came.
    mutating func removeAll(_ runtime: Runtime) -> [Call] {
        var removed: [(number: UInt64, call: Call)] = []
        for (function, line) in lines[runtime] ?? [:] {
            var line = line
            while let (number, waiting) = line.head {
                _ = line.remove(number)
                let ticket = Ticket(
                    number: number, function: function, runtime: runtime, bytes: waiting.bytes)
                if let call = remove(ticket) { removed.append((number, call)) }
            }
        }
        return removed.sorted { $0.number < $1.number }.map(\.call)
    }

    // MARK: whose turn it is

    /// The call of a runtime whose turn is next.
    /// - Parameter offer: what there is for a call.
    func next(_ runtime: Runtime, _ offer: (Call) -> Offer) -> Candidate? {
        for turn in (orders[runtime]?.turns ?? []).prefix(Self.mostPassedOver) {
            guard let head = lines[runtime]?[turn.function]?.head,
                case .cell(let newcomersOnly) = offer(head.element.call),
                Self.maySpend(
                    running: turn.running, head.element.concurrency, newcomersOnly: newcomersOnly)
            else { continue }
            return Candidate(
                ticket: Ticket(
                    number: head.number, function: turn.function, runtime: runtime,
                    bytes: head.element.bytes),
                running: turn.running)
        }
        return nil
    }

    /// A function's place among those that wait; `nil` when it does not.
    private func turn(_ function: String, _ runtime: Runtime) -> TurnOrder.Turn? {
        lines[runtime]?[function]?.head.map {
            TurnOrder.Turn(running: running(function), number: $0.number, function: function)
        }
    }

    private mutating func move(
        _ before: TurnOrder.Turn?, to after: TurnOrder.Turn?, _ runtime: Runtime
    ) {
        guard before != after else { return }
        if let before { orders[runtime]?.remove(before) }
        if let after { orders[runtime, default: TurnOrder()].insert(after) }
    }

    mutating func take(_ candidate: Candidate) -> Call? { remove(candidate.ticket) }

    /// Whether a call that has just come may start without waiting.
    func mayStart(
        _ function: String, _ runtime: Runtime, concurrency: Int?, _ offer: Offer
    ) -> Bool {
        guard case .cell(let newcomersOnly) = offer else { return false }
        return lines[runtime]?[function] == nil
            && maySpend(function, concurrency: concurrency, newcomersOnly: newcomersOnly)
    }

    /// Whether a function may have one more that counts as running: a call, or a snapshot that loads.
    func maySpend(_ function: String, concurrency: Int?, newcomersOnly: Bool) -> Bool {
        Self.maySpend(running: running(function), concurrency, newcomersOnly: newcomersOnly)
    }

    private static func maySpend(running: Int, _ concurrency: Int?, newcomersOnly: Bool) -> Bool {
        running < concurrency ?? .max && (running == 0 || !newcomersOnly)
    }

    // MARK: what runs

    mutating func started(_ function: String) { changeRunning(function, by: 1) }
    mutating func ended(_ function: String) { changeRunning(function, by: -1) }

    private mutating func changeRunning(_ function: String, by step: Int) {
        let waits = waiting(function) > 0
        let before = waits ? Runtime.allCases.map { turn(function, $0) } : []
        change(function) { $0.running += step }
        guard waits else { return }
        for (runtime, turn) in zip(Runtime.allCases, before) {
            move(turn, to: self.turn(function, runtime), runtime)
        }
    }

    func running(_ function: String) -> Int { accounts[function]?.running ?? 0 }
    func waiting(_ function: String) -> Int { accounts[function]?.waiting ?? 0 }

    /// Calls that wait for a cell of a runtime and are not held back by their function's limit.
    /// - Parameter isMeant: leaves out the functions whose next call waits for something else.
    func startable(
        _ runtime: Runtime, atMost limit: Int, where isMeant: (Call) -> Bool = { _ in true }
    ) -> Int {
        var sum = 0
        for (function, line) in lines[runtime] ?? [:] {
            if sum >= limit { break }
            guard let head = line.head, isMeant(head.element.call) else { continue }
            let room = (head.element.concurrency ?? .max) - running(function)
            sum += min(line.count, max(0, room))
        }
        return min(sum, limit)
    }

    func isEmpty(_ runtime: Runtime) -> Bool { lines[runtime]?.isEmpty ?? true }

    /// Its place among its function's waiting calls, 1 for the next; `nil` when it does not wait.
    func place(of ticket: Ticket) -> Int? {
        lines[ticket.runtime]?[ticket.function]?.place(of: ticket.number)
    }

    /// Nothing is kept of functions that neither wait nor run.
    private mutating func change(_ function: String, _ body: (inout Account) -> Void) {
        var account = accounts[function] ?? Account()
        body(&account)
        accounts[function] = account.isIdle ? nil : account
    }
}
