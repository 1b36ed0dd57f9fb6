@testable import ExecutorSupervisor

extension Part {
    /// A call joins the queue, has its turn and ends, while calls of 10 functions wait.
    static let fairQueue = Part("FairQueue") { turns(functions: 10) }

    /// The same while calls of 1,000 functions wait.
    static let crowdedQueue = Part("FairQueueCrowded") { turns(functions: 1000) }

    private static func turns(functions: Int) -> (Int) -> Void {
        let names = (0..<functions).map { "function-\($0)" }
        let state = State(queue: FairQueue<Int>(limits: AdmissionLimits(calls: 4096)))
        for (number, name) in names.enumerated() { state.append(number, name) }
        return { times in
            for number in 0..<times {
                let name = names[number % functions]
                keep(state.queue.admits(name, bytes: 7))
                state.append(number, name)
                guard let next = state.queue.next(.python, { _ in .cell(newcomersOnly: false) })
                else { return }
                keep(state.queue.take(next))
                state.queue.started(name)
                state.queue.ended(name)
            }
        }
    }

    private final class State {
        var queue: FairQueue<Int>

        init(queue: FairQueue<Int>) {
            self.queue = queue
        }

        func append(_ call: Int, _ function: String) {
            _ = queue.append(
                call, function: function, runtime: .python, concurrency: nil, bytes: 7)
        }
    }
}
