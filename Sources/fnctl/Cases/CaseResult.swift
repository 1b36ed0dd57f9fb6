/// What became of one case.
struct CaseResult: Sendable {
    let sample: String
    let name: String
    /// Lines that say what is wrong; none when the case passed.
    let failure: [String]
    /// The handler's run time, where the evaluator gave one.
    let ms: Double?
    let callID: String?

    var passed: Bool { failure.isEmpty }

    /// One line, and what is wrong below it.
    func print(to console: Console) {
        let word = passed ? console.styled("ok  ", .green) : console.styled("FAIL", .red)
        let time = ms.map { "  " + console.styled(Format.duration(ms: $0), .dim) } ?? ""
        console.print("\(word) \(Printable.line("\(sample)/\(name)"))\(time)")
        for line in failure {
            let style: TextStyle? =
                line.hasPrefix("- ") ? .red : line.hasPrefix("+ ") ? .green : nil
            console.print("     " + console.styled(Printable.block(line), style))
        }
    }
}
