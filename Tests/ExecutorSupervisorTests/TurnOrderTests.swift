import Testing

@testable import ExecutorSupervisor

@Suite struct TurnOrderTests {
    private typealias Turn = TurnOrder.Turn

    @Test func `turns are in order however they came, and what is not there is not removed`() {
        var order = TurnOrder()
        let turns = (0..<200).map { index in
            Turn(running: index * 7 % 5, number: UInt64(index * 37 % 200), function: "f\(index)")
        }
        for turn in turns { order.insert(turn) }
        #expect(order.turns == turns.sorted { $0.isBefore($1) })
        order.remove(Turn(running: 0, number: 1000, function: "none"))
        order.remove(Turn(running: turns[3].running, number: turns[3].number, function: "other"))
        #expect(order.turns.count == 200)
        for turn in turns where turn.number % 2 == 0 { order.remove(turn) }
        #expect(
            order.turns == turns.filter { $0.number % 2 == 1 }.sorted { $0.isBefore($1) })
    }

    /// The queue against the plain rule, over random steps.
    @Test func `the queue's next call is the one that the rule names`() {
        var random = SystemRandomNumberGenerator()
        var queue = FairQueue<String>(limits: AdmissionLimits(calls: 100_000))
        var waiting: [(function: String, number: Int, ticket: FairQueue<String>.Ticket)] = []
        var running: [String: Int] = [:]
        for number in 0..<3000 {
            let function = "f\(Int.random(in: 0..<40, using: &random))"
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                let ticket = queue.append(
                    "\(function) \(number)", function: function, runtime: .python,
                    concurrency: nil, bytes: 0)
                waiting.append((function, number, ticket))
            case 5..<6 where !waiting.isEmpty:
                let gone = waiting.remove(at: Int.random(in: 0..<waiting.count, using: &random))
                let call = queue.remove(gone.ticket)
                #expect(call == "\(gone.function) \(gone.number)")
            case 6..<7 where running[function, default: 0] > 0:
                running[function, default: 0] -= 1
                queue.ended(function)
            default:
                let expected = waiting.indices.min {
                    (running[waiting[$0].function, default: 0], waiting[$0].number)
                        < (running[waiting[$1].function, default: 0], waiting[$1].number)
                }
                let next = queue.next(.python) { _ in .cell(newcomersOnly: false) }
                let call = next.flatMap { queue.take($0) }
                #expect(call == expected.map { "\(waiting[$0].function) \(waiting[$0].number)" })
                guard let expected else { continue }
                let function = waiting.remove(at: expected).function
                running[function, default: 0] += 1
                queue.started(function)
            }
        }
    }
}
