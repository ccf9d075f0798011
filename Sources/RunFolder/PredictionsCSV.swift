/// predictions.csv: a line per test row, class indices.
package struct PredictionsCSV: Sendable, Equatable {
    /// The true class of every test row.
    package var labels: [Int]
    /// The backbone's own prediction for every test row.
    package var oneVsAll: [Int]
    /// Nil, and an empty field, where the run trained no heads for the scheme.
    package var oneVsAllRefit: [Int]?
    /// The vote of the pair heads; nil likewise.
    package var allVsAll: [Int]?
    /// What tree elimination is left with; nil likewise.
    package var tree: [Int]?

    /// Traps unless every scheme given predicts every row.
    package init(
        labels: [Int], oneVsAll: [Int], oneVsAllRefit: [Int]?, allVsAll: [Int]?, tree: [Int]?
    ) {
        precondition(oneVsAll.count == labels.count)
        precondition(oneVsAllRefit.map { $0.count == labels.count } ?? true)
        precondition(allVsAll.map { $0.count == labels.count } ?? true)
        precondition(tree.map { $0.count == labels.count } ?? true)
        self.labels = labels
        self.oneVsAll = oneVsAll
        self.oneVsAllRefit = oneVsAllRefit
        self.allVsAll = allVsAll
        self.tree = tree
    }

    /// The first line, without its newline.
    package static let header = "row,label,one_vs_all,one_vs_all_refit,all_vs_all,tree"

    /// The file's bytes; rows count from 0.
    package func encoded() -> [UInt8] {
        var bytes = Array((Self.header + "\n").utf8)
        bytes.reserveCapacity(bytes.count + labels.count * 16)
        for row in labels.indices {
            bytes.append(contentsOf: String(row).utf8)
            for column in [labels, oneVsAll, oneVsAllRefit, allVsAll, tree] {
                bytes.append(UInt8(ascii: ","))
                if let column { bytes.append(contentsOf: String(column[row]).utf8) }
            }
            bytes.append(UInt8(ascii: "\n"))
        }
        return bytes
    }
}
