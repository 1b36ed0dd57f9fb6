/// The lines in which two texts differ.
enum LineDiff {
    /// Lines that stay on either side of a change.
    static let context = 3
    /// Above so many pairs of lines the whole middle is shown as changed: comparing them
    /// would take too long, and nobody would read it.
    private static let maxPairs = 4_000_000

    private enum Edit {
        case same(String)
        case removed(String)
        case added(String)

        var text: String {
            switch self {
            case .same(let line): "  " + line
            case .removed(let line): "- " + line
            case .added(let line): "+ " + line
            }
        }

        var isSame: Bool { if case .same = self { true } else { false } }
    }

    /// Lines of `expected` that are missing begin with `-`, lines that are there instead with
    /// `+`; long stretches that are the same become `…`.
    static func lines(expected: [String], actual: [String]) -> [String] {
        let edits = edits(expected, actual)
        var near = [Bool](repeating: false, count: edits.count)
        for (index, edit) in edits.enumerated() where !edit.isSame {
            for place in max(0, index - context)...min(edits.count - 1, index + context) {
                near[place] = true
            }
        }
        var result: [String] = []
        for (index, edit) in edits.enumerated() {
            if near[index] {
                result.append(edit.text)
            } else if index == 0 || near[index - 1] {
                result.append("  …")
            }
        }
        return result
    }

    private static func edits(_ old: [String], _ new: [String]) -> [Edit] {
        var start = 0
        while start < min(old.count, new.count), old[start] == new[start] { start += 1 }
        var end = 0
        while end < min(old.count, new.count) - start,
            old[old.count - 1 - end] == new[new.count - 1 - end]
        { end += 1 }

        let middle = changed(
            Array(old[start..<old.count - end]), Array(new[start..<new.count - end]))
        return old[..<start].map(Edit.same) + middle + old[(old.count - end)...].map(Edit.same)
    }

    /// The shortest edit by the longest common subsequence.
    private static func changed(_ old: [String], _ new: [String]) -> [Edit] {
        guard !old.isEmpty, !new.isEmpty, old.count * new.count <= maxPairs else {
            return old.map(Edit.removed) + new.map(Edit.added)
        }
        // length[i][j] is that of the longest common subsequence of old[i...] and new[j...].
        let width = new.count + 1
        var length = [Int32](repeating: 0, count: (old.count + 1) * width)
        for i in old.indices.reversed() {
            for j in new.indices.reversed() {
                length[i * width + j] =
                    old[i] == new[j]
                    ? length[(i + 1) * width + j + 1] + 1
                    : max(length[(i + 1) * width + j], length[i * width + j + 1])
            }
        }
        var edits: [Edit] = []
        var i = 0
        var j = 0
        while i < old.count || j < new.count {
            if i < old.count, j < new.count, old[i] == new[j] {
                edits.append(.same(old[i]))
                i += 1
                j += 1
            } else if j == new.count
                || i < old.count && length[(i + 1) * width + j] >= length[i * width + j + 1]
            {
                edits.append(.removed(old[i]))
                i += 1
            } else {
                edits.append(.added(new[j]))
                j += 1
            }
        }
        return edits
    }
}
