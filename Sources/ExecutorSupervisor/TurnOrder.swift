/// Functions with waiting calls, in the order of their turns: first the one that has the fewest calls
/// running, among equals the one whose next call has waited longest. Finding a place takes logarithmic
/// time.
struct TurnOrder {
    struct Turn: Equatable {
        var running: Int
        /// The number of the function's next call.
        var number: UInt64
        var function: String

        func isBefore(_ other: Turn) -> Bool {
            running == other.running ? number < other.number : running < other.running
        }
    }

    private(set) var turns: [Turn] = []

    mutating func insert(_ turn: Turn) {
        turns.insert(turn, at: place(of: turn))
    }

    mutating func remove(_ turn: Turn) {
        let index = place(of: turn)
        guard index < turns.count, turns[index] == turn else { return }
        turns.remove(at: index)
    }

    private func place(of turn: Turn) -> Int {
        var (low, high) = (0, turns.count)
        while low < high {
            let middle = (low + high) / 2
            if turns[middle].isBefore(turn) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
