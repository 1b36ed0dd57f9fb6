/// Puts `[redacted]` in the place of secrets in text that a cell sends: against a careless print,
/// not against a handler that means to tell its secret in another form.
///
/// All secrets are looked for at once (Aho and Corasick, 1975), so that the time is linear in the
/// text whatever the secrets are: the text is the cell's, and the supervisor's lock is held.
struct Redactor {
    /// Shorter values and lines are not looked for.
    static let minimumBytes = 8
    /// A beginning of a secret that is told from other text.
    static let beginning = 4
    private static let mark = Array("[redacted]".utf8)

    /// A state for each beginning of a secret; 0 is the empty one.
    private struct Node {
        /// The state of the longest beginning that ends as this one does.
        var fallback: Int32 = 0
        var depth: Int32 = 0
        /// Bytes of the longest secret that ends here; 0 for none.
        var found: Int32 = 0
    }

    private var nodes: [Node] = []
    /// From a state and a byte, as `state << 8 | byte`, to the next state.
    private var steps: [Int64: Int32] = [:]

    /// - Parameter secrets: looked for in every one of their `SecretForms`, and, where they have
    ///   several lines, line by line.
    init(_ secrets: [String]) {
        var forms = Set<[UInt8]>()
        for secret in secrets {
            let lines = secret.split(whereSeparator: \.isNewline).map(String.init)
            for text in lines + [secret] {
                for form in SecretForms.all(of: text) { forms.insert(Array(form.utf8)) }
            }
        }
        let wanted = forms.filter { $0.count >= Self.minimumBytes }
        guard !wanted.isEmpty else { return }
        nodes = [Node()]
        for form in wanted { insert(form) }
        linkFallbacks()
    }

    var isEmpty: Bool { nodes.isEmpty }

    /// - Parameter cutFrom: the text's end is, or may be, missing: a secret's beginning of so many bytes
    ///   at its end goes too.
    func redact(_ text: String, cutFrom: Int? = nil) -> String {
        guard !isEmpty else { return text }
        return String(decoding: redact(Array(text.utf8), cutFrom: cutFrom), as: UTF8.self)
    }

    func redact(_ bytes: [UInt8], cutFrom: Int? = nil) -> [UInt8] {
        guard !isEmpty, let hits = bytes.withUnsafeBufferPointer({ hits(in: $0, cutFrom: cutFrom) })
        else { return bytes }
        var result: [UInt8] = []
        var end = 0
        for hit in hits {
            result += bytes[end..<hit.lowerBound]
            result += Self.mark
            end = hit.upperBound
        }
        return result + bytes[end...]
    }

    func redact(_ failure: CallFailure) -> CallFailure {
        guard !isEmpty else { return failure }
        var failure = failure
        failure.message = redact(failure.message)
        failure.errorType = failure.errorType.map { redact($0) }
        failure.stack = failure.stack.map { redact($0) }
        return failure
    }

    /// Where secrets are, in order; those that overlap are one. `nil` for nowhere.
    private func hits(in bytes: UnsafeBufferPointer<UInt8>, cutFrom: Int?) -> [Range<Int>]? {
        var hits: [Range<Int>] = []
        func add(_ hit: Range<Int>) {
            var hit = hit
            while let last = hits.last, last.upperBound > hit.lowerBound {
                hit = min(last.lowerBound, hit.lowerBound)..<hit.upperBound
                hits.removeLast()
            }
            hits.append(hit)
        }
        var state: Int32 = 0
        for (index, byte) in bytes.enumerated() {
            state = step(from: state, byte)
            let length = Int(nodes[Int(state)].found)
            if length > 0 { add(index + 1 - length..<index + 1) }
        }
        let begun = Int(nodes[Int(state)].depth)
        if let cutFrom, begun >= cutFrom { add(bytes.count - begun..<bytes.count) }
        return hits.isEmpty ? nil : hits
    }

    // MARK: the automaton

    private func step(from state: Int32, _ byte: UInt8) -> Int32 {
        var state = state
        while true {
            if let next = steps[Int64(state) << 8 | Int64(byte)] { return next }
            if state == 0 { return 0 }
            state = nodes[Int(state)].fallback
        }
    }

    private mutating func insert(_ form: [UInt8]) {
        var state: Int32 = 0
        for byte in form {
            let key = Int64(state) << 8 | Int64(byte)
            if let next = steps[key] {
                state = next
            } else {
                let next = Int32(nodes.count)
                nodes.append(Node(depth: nodes[Int(state)].depth + 1))
                steps[key] = next
                state = next
            }
        }
        nodes[Int(state)].found = Int32(form.count)
    }

    /// Nearest to the empty state first, as each needs its parent's.
    private mutating func linkFallbacks() {
        let edges = steps.sorted { nodes[Int($0.value)].depth < nodes[Int($1.value)].depth }
        for (key, state) in edges {
            let parent = Int(key >> 8)
            let fallback =
                parent == 0 ? 0 : step(from: nodes[parent].fallback, UInt8(key & 0xff))
            nodes[Int(state)].fallback = fallback
            nodes[Int(state)].found = max(
                nodes[Int(state)].found, nodes[Int(fallback)].found)
        }
    }
}
