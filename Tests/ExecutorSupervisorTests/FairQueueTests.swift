import Testing

@testable import ExecutorSupervisor

@Suite struct FairQueueTests {
    private typealias Queue = FairQueue<String>

    private func queue(_ limits: AdmissionLimits = AdmissionLimits(calls: 1000)) -> Queue {
        Queue(limits: limits)
    }

    /// Adds a call whose function is the first letter of its name.
    @discardableResult
    private func add(
        _ call: String, to queue: inout Queue, _ runtime: Runtime = .python,
        concurrency: Int? = nil, bytes: Int = 0
    ) -> Queue.Ticket {
        queue.append(
            call, function: String(call.prefix(1)), runtime: runtime, concurrency: concurrency,
            bytes: bytes)
    }

    /// Starts the next call, as the supervisor does.
    private func start(
        _ queue: inout Queue, _ runtime: Runtime = .python, newcomersOnly: Bool = false
    ) -> String? {
        guard let next = queue.next(runtime, { _ in .cell(newcomersOnly: newcomersOnly) }),
            let call = queue.take(next)
        else { return nil }
        queue.started(String(call.prefix(1)))
        return call
    }

    private func startAll(_ queue: inout Queue) -> [String] {
        var calls: [String] = []
        while let call = start(&queue) { calls.append(call) }
        return calls
    }

    @Test func `a function's calls start in the order in which they came`() {
        var queue = queue()
        for call in ["a1", "a2", "a3"] { add(call, to: &queue) }
        #expect(startAll(&queue) == ["a1", "a2", "a3"])
        #expect(queue.count == 0)
    }

    @Test func `the function that runs least is next, then the one that waits longest`() {
        var queue = queue()
        for call in ["a1", "a2", "a3", "b1", "b2", "c1"] { add(call, to: &queue) }
        #expect(startAll(&queue) == ["a1", "b1", "c1", "a2", "b2", "a3"])
        add("a4", to: &queue)
        add("c2", to: &queue)
        #expect(start(&queue) == "c2")
    }

    @Test func `a newcomer is next however many calls of another function wait`() {
        var queue = queue()
        for index in 0..<900 { add("a\(index)", to: &queue) }
        for _ in 0..<7 { _ = start(&queue) }
        add("b", to: &queue)
        #expect(start(&queue) == "b")
    }

    @Test func `what a call gives back counts for its function's turn`() {
        var queue = queue()
        for call in ["a1", "a2", "b1", "b2", "b3"] { add(call, to: &queue) }
        #expect([start(&queue), start(&queue), start(&queue)] == ["a1", "b1", "a2"])
        queue.ended("b")
        #expect(start(&queue) == "b2")
        #expect(queue.running("a") == 2)
        #expect(queue.running("b") == 1)
    }

    @Test func `a function at its limit is passed over, in all runtimes and versions`() {
        var queue = queue()
        for call in ["a1", "a2", "a3"] { add(call, to: &queue, concurrency: 2) }
        add("a4", to: &queue, .javascript, concurrency: 2)
        add("b1", to: &queue)
        #expect(startAll(&queue) == ["a1", "b1", "a2"])
        #expect(start(&queue, .javascript) == nil)
        #expect(queue.startable(.python, atMost: 8) == 0)
        queue.ended("a")
        #expect(queue.startable(.python, atMost: 8) == 1)
        #expect(start(&queue, .javascript) == "a4")
        queue.ended("a")
        #expect(startAll(&queue) == ["a3"])
    }

    @Test func `what is kept for newcomers is not for functions that run something`() {
        var queue = queue()
        for call in ["a1", "a2"] { add(call, to: &queue) }
        #expect(start(&queue, newcomersOnly: true) == "a1")
        #expect(start(&queue, newcomersOnly: true) == nil)
        add("b1", to: &queue)
        #expect(start(&queue, newcomersOnly: true) == "b1")
        #expect(start(&queue) == "a2")
    }

    @Test func `a call starts at once only when none of its function waits and it may run`() {
        var queue = queue()
        func may(_ function: String, _ limit: Int? = nil, newcomersOnly: Bool = false) -> Bool {
            queue.mayStart(
                function, .python, concurrency: limit, .cell(newcomersOnly: newcomersOnly))
        }
        #expect(may("a"))
        queue.started("a")
        #expect(may("a", 2))
        #expect(!may("a", 1))
        #expect(!may("a", newcomersOnly: true))
        #expect(may("b", newcomersOnly: true))
        #expect(!queue.mayStart("b", .python, concurrency: nil, .nothing))
        add("a1", to: &queue)
        #expect(!may("a"))
        #expect(queue.mayStart("a", .javascript, concurrency: nil, .cell(newcomersOnly: false)))
    }

    @Test func `runtimes have turns of their own, and can be compared`() throws {
        var queue = queue()
        add("a1", to: &queue)
        add("b1", to: &queue, .javascript)
        let python = try #require(queue.next(.python, { _ in .cell(newcomersOnly: false) }))
        let javascript = try #require(queue.next(.javascript, { _ in .cell(newcomersOnly: false) }))
        #expect(python.goes(before: javascript))
        queue.started("a")
        let later = try #require(queue.next(.python, { _ in .cell(newcomersOnly: false) }))
        #expect(javascript.goes(before: later))
    }

    @Test func `a call leaves from anywhere, and places close up`() {
        var queue = queue()
        let tickets = (1...5).map { add("a\($0)", to: &queue, bytes: $0) }
        #expect(queue.place(of: tickets[3]) == 4)
        #expect(queue.remove(tickets[1]) == "a2")
        #expect(queue.remove(tickets[1]) == nil)
        #expect(queue.place(of: tickets[1]) == nil)
        #expect(queue.place(of: tickets[3]) == 3)
        #expect(queue.remove(tickets[0]) == "a1")
        #expect(queue.place(of: tickets[3]) == 2)
        #expect(queue.count == 3 && queue.bytes == 12)
        #expect(startAll(&queue) == ["a3", "a4", "a5"])
        #expect(queue.bytes == 0)
    }

    @Test func `a line of any length loses and gains calls in order`() {
        var queue = queue()
        var tickets: [Queue.Ticket] = []
        for index in 0..<1000 { tickets.append(add("a\(index)", to: &queue)) }
        for index in stride(from: 0, to: 1000, by: 3) { queue.remove(tickets[index]) }
        for index in 1000..<1100 { tickets.append(add("a\(index)", to: &queue)) }
        for index in stride(from: 1, to: 1000, by: 3) { queue.remove(tickets[index]) }
        let left = (0..<1100).filter { $0 >= 1000 || $0 % 3 == 2 }
        for (place, index) in left.enumerated() {
            #expect(queue.place(of: tickets[index]) == place + 1)
        }
        #expect(startAll(&queue) == left.map { "a\($0)" })
    }

    @Test func `all calls of a runtime leave in the order in which they came`() {
        var queue = queue()
        for call in ["b1", "a1", "b2", "a2"] { add(call, to: &queue) }
        add("c1", to: &queue, .javascript)
        #expect(queue.removeAll(.python) == ["b1", "a1", "b2", "a2"])
        #expect(queue.count == 1)
        #expect(queue.isEmpty(.python))
        #expect(!queue.isEmpty(.javascript))
    }

    // MARK: admission

    /// Adds calls until they are refused.
    private func fill(_ function: String, _ queue: inout Queue, bytes: Int = 0) -> Int {
        var count = 0
        while queue.admits(function, bytes: bytes) {
            add(function, to: &queue, bytes: bytes)
            count += 1
        }
        return count
    }

    @Test func `one function gets four fifths of the room, and some is left for others`() {
        var queue = queue(AdmissionLimits(calls: 1000))
        #expect(fill("a", &queue) == 800)
        #expect(fill("b", &queue) == 160)
        #expect(fill("c", &queue) == 32)
        #expect(queue.count == 992)
        #expect(queue.admits("d", bytes: 0))
        #expect(!queue.admits("a", bytes: 0))
    }

    @Test func `equal floods get equal parts`() {
        var queue = queue(AdmissionLimits(calls: 900))
        var counts = ["a": 0, "b": 0]
        for _ in 0..<900 {
            for function in ["a", "b"] where queue.admits(function, bytes: 0) {
                add(function, to: &queue)
                counts[function, default: 0] += 1
            }
        }
        #expect(counts == ["a": 400, "b": 400])
    }

    @Test(arguments: [0, 1, 2, 3])
    func `a small limit is kept to`(_ limit: Int) {
        var queue = queue(AdmissionLimits(calls: limit))
        #expect(fill("a", &queue) == limit)
    }

    @Test func `waiting events have a bound in bytes, but for one alone`() {
        var queue = queue(AdmissionLimits(calls: 1000, bytes: 1000))
        #expect(fill("a", &queue, bytes: 100) == 8)
        #expect(!queue.admits("b", bytes: 201))
        #expect(queue.admits("b", bytes: 200))
        var other = self.queue(AdmissionLimits(calls: 1000, bytes: 1000))
        #expect(fill("a", &other, bytes: 5000) == 1)
        #expect(!other.admits("b", bytes: 1))
    }

    @Test func `when to try again follows the pace of the turns`() {
        var pace = QueuePace()
        #expect(pace.retryAfterSeconds(waiting: 4000) == 1)
        for second in 1...20 { pace.turn(at: UInt64(second) * 10_000_000, othersWait: true) }
        #expect(pace.retryAfterSeconds(waiting: 4000) == 10)
        #expect(pace.retryAfterSeconds(waiting: 10) == 1)
        pace.turn(at: 300_000_000, othersWait: false)
        pace.turn(at: 900_000_000_000, othersWait: true)
        #expect(pace.retryAfterSeconds(waiting: 4000) < 20)
        #expect(pace.retryAfterSeconds(waiting: 1_000_000) == 60)
    }
}
