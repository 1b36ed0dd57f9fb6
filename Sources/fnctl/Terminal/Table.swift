/// Rows of cells in aligned columns, two spaces between them.
struct Table: Sendable {
    enum Alignment: Sendable { case left, right }

    struct Cell: Sendable, ExpressibleByStringInterpolation {
        let text: String
        let style: TextStyle?

        init(_ text: String, _ style: TextStyle? = nil) {
            self.text = Printable.line(text)
            self.style = style
        }

        init(stringLiteral value: String) { self.init(value) }
    }

    private let header: [Cell]?
    private let alignments: [Alignment]
    private var rows: [[Cell]] = []

    /// A table with a heading for each column.
    init(_ columns: [(title: String, alignment: Alignment)]) {
        header = columns.map { Cell($0.title.uppercased(), .dim) }
        alignments = columns.map(\.alignment)
    }

    /// Names and their values, without headings.
    init(pairs: [(String, String?)]) {
        header = nil
        alignments = [.left, .left]
        for case (let name, let value?) in pairs { add([Cell(name, .dim), Cell(value)]) }
    }

    mutating func add(_ cells: [Cell]) { rows.append(cells) }

    /// The lines of the table; nothing is cut off, and no line ends in spaces.
    func lines(_ console: Console) -> [String] {
        let all = (header.map { [$0] } ?? []) + rows
        var widths: [Int] = []
        for row in all {
            for (column, cell) in row.enumerated() {
                let width = Printable.width(cell.text)
                if column < widths.count {
                    widths[column] = max(widths[column], width)
                } else {
                    widths.append(width)
                }
            }
        }
        return all.map { row in
            // What follows the last cell with text would only be trailing space.
            let used = (row.lastIndex { !$0.text.isEmpty } ?? -1) + 1
            return row.prefix(used).enumerated().map { column, cell in
                let padding = String(
                    repeating: " ", count: widths[column] - Printable.width(cell.text))
                let text = console.styled(cell.text, cell.style)
                let alignment = column < alignments.count ? alignments[column] : .left
                if alignment == .right { return padding + text }
                return column == used - 1 ? text : text + padding
            }.joined(separator: "  ")
        }
    }

    func print(to console: Console) {
        for line in lines(console) { console.print(line) }
    }
}
