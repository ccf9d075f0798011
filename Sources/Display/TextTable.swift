/// A table of plain text: aligned columns, a rule under the titles, no trailing spaces.
package struct TextTable: Sendable {
    /// Where a column's text stands.
    package enum Alignment: Sendable {
        case left
        case right
    }

    /// Spaces between two columns.
    private static let gap = 2
    /// Text columns are not folded narrower than this.
    private static let textWidth = 24

    private let titles: [String]
    private let alignments: [Alignment]
    private let keyCount: Int
    private var rows: [[String]] = []

    /// A table without rows; `columns` are titles and where texts stand, from the left.
    ///
    /// - Parameter keyCount: how many columns from the left say what a row is about.
    package init(columns: [(title: String, alignment: Alignment)], keyCount: Int = 1) {
        titles = columns.map(\.title)
        alignments = columns.map(\.alignment)
        self.keyCount = keyCount
    }

    /// Adds a row; traps unless it has a cell per column.
    package mutating func add(_ cells: [String]) {
        precondition(cells.count == titles.count)
        rows.append(cells.map { Format.printable($0) })
    }

    /// The lines, without newlines, none longer than `width` as long as no word is; nil is no limit.
    ///
    /// What is too wide is folded between words: titles, and texts at the left of their column. Where
    /// that is not enough, the last columns follow in a block of their own, beside the keys again.
    package func lines(width: Int?) -> [String] {
        let all = Array(titles.indices)
        let full = all.map(fullWidth)
        guard let width, Self.sum(full) > width else { return block(all, full) }
        let folded = fold(all, to: width)
        if Self.sum(folded) <= width { return block(all, folded) }
        let keys = Array(all.prefix(keyCount))
        var groups: [[Int]] = []
        for column in all.dropFirst(keyCount) {
            let wider = (groups.last ?? keys) + [column]
            if !groups.isEmpty, Self.sum(wider.map { full[$0] }) <= width {
                groups[groups.count - 1] = wider
            } else {
                groups.append(keys + [column])
            }
        }
        let blocks = groups.map { block($0, fold($0, to: width)) }
        return Array(blocks.joined(separator: [""]))
    }

    private static func sum(_ widths: [Int]) -> Int {
        widths.reduce(0, +) + gap * max(0, widths.count - 1)
    }

    private func fullWidth(_ column: Int) -> Int {
        rows.reduce(titles[column].count) { max($0, $1[column].count) }
    }

    /// Whether a column's cells may take several lines: text may, a number and a key may not.
    private func isText(_ column: Int) -> Bool {
        column >= keyCount && alignments[column] == .left
    }

    /// Widths of columns, the widest made narrower until all fit or no line can be broken further.
    private func fold(_ columns: [Int], to width: Int) -> [Int] {
        var widths = columns.map(fullWidth)
        let least = zip(columns, widths).map { column, full in
            let isText = isText(column)
            return rows.reduce(
                max(Self.longestWord(titles[column]), isText ? min(full, Self.textWidth) : 0)
            ) { max($0, isText ? Self.longestWord($1[column]) : $1[column].count) }
        }
        while Self.sum(widths) > width,
            let widest = widths.indices.filter({ widths[$0] > least[$0] })
                .max(by: { widths[$0] < widths[$1] })
        {
            widths[widest] -= 1
        }
        return widths
    }

    private static func longestWord(_ text: String) -> Int {
        text.split(separator: " ").map(\.count).max() ?? 0
    }

    private func block(_ columns: [Int], _ widths: [Int]) -> [String] {
        let folded = zip(columns, widths).map { Format.wrapped(titles[$0], width: $1) }
        let height = folded.map(\.count).max() ?? 1
        // Titles stand on the rule, whatever their height.
        let head = folded.map { Array(repeating: "", count: height - $0.count) + $0 }
        let rule = widths.map { [String(repeating: "-", count: $0)] }
        let cells = rows.map { row in
            zip(columns, widths).map { column, width in
                isText(column) ? Format.wrapped(row[column], width: width) : [row[column]]
            }
        }
        return ([head, rule] + cells).flatMap { lines(of: $0, columns, widths) }
    }

    private func lines(of cells: [[String]], _ columns: [Int], _ widths: [Int]) -> [String] {
        (0..<(cells.map(\.count).max() ?? 0)).map { index in
            let fitted = cells.indices.map { place in
                Format.fitted(
                    index < cells[place].count ? cells[place][index] : "", width: widths[place],
                    alignRight: alignments[columns[place]] == .right)
            }
            var line = fitted.joined(separator: String(repeating: " ", count: Self.gap))
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
