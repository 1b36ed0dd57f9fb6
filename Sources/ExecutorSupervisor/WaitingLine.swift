/// A first-in, first-out line that elements can leave from anywhere. Joining and leaving take
/// constant and logarithmic time on average; only counting places is linear.
struct WaitingLine<Element> {
    private struct Entry {
        var number: UInt64
        /// `nil` once it has left.
        var element: Element?
    }

    /// In the order of their numbers; `first` is the first that has not left.
    private var entries: [Entry] = []
    private var first = 0
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    /// The longest-waiting element and its number.
    var head: (number: UInt64, element: Element)? {
        guard first < entries.count, let element = entries[first].element else { return nil }
        return (entries[first].number, element)
    }

    /// - Parameter number: larger than every number before it.
    mutating func append(_ element: Element, number: UInt64) {
        entries.append(Entry(number: number, element: element))
        count += 1
    }

    mutating func remove(_ number: UInt64) -> Element? {
        guard let index = index(of: number), let element = entries[index].element else {
            return nil
        }
        entries[index].element = nil
        count -= 1
        while first < entries.count, entries[first].element == nil { first += 1 }
        // Half of it or more is empty: what this costs was saved by the removals before.
        if entries.count >= 32, count * 2 < entries.count {
            entries.removeAll { $0.element == nil }
            first = 0
        }
        return element
    }

    /// 1 for the head; `nil` for a number that is not waiting.
    func place(of number: UInt64) -> Int? {
        guard let index = index(of: number), entries[index].element != nil else { return nil }
        return entries[first...index].count { $0.element != nil }
    }

    private func index(of number: UInt64) -> Int? {
        var (low, high) = (first, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].number < number { low = middle + 1 } else { high = middle }
        }
        return low < entries.count && entries[low].number == number ? low : nil
    }
}
