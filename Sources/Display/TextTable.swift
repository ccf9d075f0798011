/// A table of plain text: aligned columns, a rule under the titles, no trailing spaces.
package struct TextTable: Sendable {
    /// Where a column's text stands.
    package enum Alignment: Sendable {
        case left
        case right
    }

    private let titles: [String]
    private let alignments: [Alignment]
    private var rows: [[String]] = []

    /// A table without rows; `columns` are titles and where texts stand, from the left.
    package init(columns: [(title: String, alignment: Alignment)]) {
        titles = columns.map(\.title)
        alignments = columns.map(\.alignment)
    }

    /// Adds a row; traps unless it has a cell per column.
    package mutating func add(_ cells: [String]) {
        precondition(cells.count == titles.count)
        rows.append(cells.map { Format.printable($0) })
    }

    /// The lines, without newlines.
    package var lines: [String] {
        let widths = titles.indices.map { column in
            rows.reduce(titles[column].count) { max($0, $1[column].count) }
        }
        let rule = widths.map { String(repeating: "-", count: $0) }
        return ([titles, rule] + rows).map { cells in
            let fitted = cells.indices.map { column in
                Format.fitted(
                    cells[column], width: widths[column],
                    alignRight: alignments[column] == .right)
            }
            var line = fitted.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
