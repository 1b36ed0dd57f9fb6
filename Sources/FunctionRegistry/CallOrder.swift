/// Ids of calls in their order, which is that of time. Calls come almost in order; they leave without being
/// taken out, and are forgotten when most of what is here has left.
struct CallOrder {
    private var ids: [String] = []

    mutating func insert(_ id: String) {
        guard let last = ids.last, id <= last else { return ids.append(id) }
        let place = place(of: id)
        // An asynchronous call comes back for each attempt.
        if place == ids.count || ids[place] != id { ids.insert(id, at: place) }
    }

    /// Up to so many ids, newest first, from behind one on. Some may have left.
    func ids(before id: String?, atMost count: Int) -> [String] {
        let end = id.map(place(of:)) ?? ids.count
        return ids[max(0, end - count)..<end].reversed()
    }

    /// Forgets those that have left, once they are the most.
    /// - Parameter held: how many have not.
    mutating func compact(held: Int, _ isHeld: (String) -> Bool) {
        guard ids.count > 2 * held + 64 else { return }
        ids.removeAll { !isHeld($0) }
    }

    /// Of the first that does not sort before an id.
    private func place(of id: String) -> Int { ids.firstIndex(fromWhich: { $0 >= id }) }
}
