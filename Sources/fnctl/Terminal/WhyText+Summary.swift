extension WhyText {
    /// What became of a function's latest calls, the newest first, one group a cause.
    static func summary(of function: String, _ calls: [CallRecord]) -> [String] {
        guard !calls.isEmpty else { return ["no calls of \(function) are remembered"] }
        let ended = calls.filter { $0.endedAt != nil }
        let failed = ended.filter { $0.cause != nil && $0.cause != "cancelled" }
        guard let newest = failed.first, let oldest = failed.last else {
            return ["none of the last \(ended.count) calls of \(function) failed"]
        }
        let causes = Set(failed.map { $0.cause ?? "" })
        let all = causes.count == 1 && failed.count > 1 ? ", all \(newest.cause ?? "")" : ""
        var lines = [
            "\(failed.count) of the last \(ended.count) calls of \(function) failed, since "
                + "\(Format.clock(oldest.queuedAt)) (\(Format.relative(oldest.queuedAt)))\(all)"
        ]
        let streak = ended.filter { $0.cause != "cancelled" }.prefix { $0.cause != nil }.count
        if streak > 1 { lines.append("the last \(streak) in a row") }
        let groups = Dictionary(grouping: failed) { $0.cause ?? "" }
        for (cause, group) in groups.sorted(by: {
            ($1.value.count, $0.key) < ($0.value.count, $1.key)
        }) {
            guard let example = group.first else { continue }
            lines.append("")
            lines.append(
                "\(group.count) \(cause), the newest \(Format.relative(example.queuedAt)):")
            lines.append("  \(example.errorType.map { "\($0): " } ?? "")\(example.message ?? "")")
            if let advice = WhyAdvice.text(example) { lines.append("  try: \(advice)") }
        }
        lines += ["", "fnctl why \(newest.id) tells more of the newest"]
        return lines
    }
}
