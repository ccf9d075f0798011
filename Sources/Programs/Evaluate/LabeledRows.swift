import FeatureSource
import Formats
import Numerics
import System

/// The rows of a file with the class of each, some at a time.
struct LabeledRows: ~Copyable {
    private let path: String
    /// By the bytes of its name: text that only looks the same is another label.
    private let classes: [[UInt8]: Int]
    private let isLabeledElsewhere: Bool
    private var stream: RowStream
    private var column: LabelColumn?
    /// By label of ``column``: its class; nil for one that the model does not know.
    private var known: [Int?] = []
    private var rowCount = 0

    /// Opens a file of rows, and that of their labels where it is another one.
    ///
    /// - Throws: `FormatError` for files that cannot be read or do not belong together.
    init(
        _ path: String, labels: String?, _ request: InputRequest, classNames: [String]
    ) throws(FormatError) {
        let column = try labels.map { (path) throws(FormatError) in
            try LabelColumn(userFile: path)
        }
        let stream = try RowStream(path, request, labelsElsewhere: column != nil)
        if let column, let count = stream.rowCount, count != column.rowCount {
            throw .rows(path, count, column)
        }
        var classes: [[UInt8]: Int] = [:]
        for (index, name) in classNames.enumerated() { classes[Array(name.utf8)] = index }
        self.path = path
        self.classes = classes
        self.stream = stream
        isLabeledElsewhere = column != nil
        take(column)
    }

    private mutating func take(_ column: LabelColumn?) {
        self.column = column
        known = column?.labels.names.map { classes[Array($0.utf8)] } ?? []
    }

    /// The next rows, at most so many, and the class of each; nil after the last.
    ///
    /// A class is nil where the model does not know the label.
    ///
    /// - Throws: `FormatError` for rows without labels, and labels without rows.
    mutating func next(
        _ rowCountMax: Int
    ) throws(FormatError) -> (rows: InputRows, labels: [Int?])? {
        guard let rows = try stream.next(rowCountMax) else {
            if let column, column.rowCount != rowCount {
                throw .rows(path, rowCount, column)
            }
            return nil
        }
        let range = rowCount..<rowCount + rows.rowCount
        rowCount = range.upperBound
        // Files of text have the labels of the rows that have been read.
        if !isLabeledElsewhere, (column?.rowCount ?? 0) < rowCount { take(try stream.labels) }
        guard let column else {
            throw .malformed(
                path,
                "its rows have no labels; give them too, by --test-labels FILE, or name their column of a CSV file as FILE:COLUMN"
            )
        }
        guard column.rowCount >= rowCount else { throw .rows(path, rowCount, column) }
        return (rows, column.places[range].map { known[$0] })
    }

    /// Refuses labels that the model does not know among those of the rows from `row` on.
    ///
    /// - Throws: `RunError` that names the first row of such a label, and other such labels.
    func refuseUnknown(_ labels: [Int?], from row: Int) throws(RunError) {
        guard let place = labels.firstIndex(of: nil), let column else { return }
        let names = column.labels.names
        let first = column.places[row + place]
        let others = names.indices.filter { known[$0] == nil && $0 != first }
            .map { String(names[$0].prefix(80)) }
        let more =
            others.isEmpty
            ? ""
            : "; other such labels: " + others.prefix(20).joined(separator: ", ")
                + (others.count > 20 ? " and \(others.count - 20) more" : "")
        throw RunError(
            .data,
            "\(column.path): row \(row + place) (counted from 0) has the label \(names[first].prefix(80)), which the model does not know\(more); leave such rows out, or count them as none of its classes by --reject"
        )
    }
}
