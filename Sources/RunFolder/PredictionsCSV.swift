/// predictions.csv: a line per test row, class indices.
package struct PredictionsCSV: Sendable, Equatable {
    /// The schemes that have a column, by their keys; its header and digest are kept once shipped.
    package static let schemes = ["one_vs_all", "one_vs_all_refit", "all_vs_all", "tree"]

    /// The first line, without its newline.
    package static let header = (["row", "label"] + schemes).joined(separator: ",")

    /// The true class of every test row.
    package var labels: [Int]
    /// The predictions of each scheme, by its key.
    ///
    /// A column is empty where the run trained no heads for the scheme, and schemes without a column are
    /// not written.
    package var predictions: [String: [Int]]

    /// Traps unless every scheme given predicts every row.
    package init(labels: [Int], predictions: [String: [Int]]) {
        precondition(predictions.values.allSatisfy { $0.count == labels.count })
        self.labels = labels
        self.predictions = predictions
    }

    /// The file's bytes; rows count from 0.
    package func encoded() -> [UInt8] {
        var bytes = Array((Self.header + "\n").utf8)
        bytes.reserveCapacity(bytes.count + labels.count * 16)
        let columns = [labels] + Self.schemes.map { predictions[$0] }
        for row in labels.indices {
            bytes.append(contentsOf: String(row).utf8)
            for column in columns {
                bytes.append(UInt8(ascii: ","))
                if let column { bytes.append(contentsOf: String(column[row]).utf8) }
            }
            bytes.append(UInt8(ascii: "\n"))
        }
        return bytes
    }
}
