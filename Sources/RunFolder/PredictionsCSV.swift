import Formats

/// predictions.csv: a line per test row, class indices first, then names and probabilities.
package struct PredictionsCSV: Sendable, Equatable {
    /// What a scheme made of the test rows.
    package struct Column: Sendable, Equatable {
        /// The scheme's key.
        package var key: String
        /// The class predicted for each row.
        package var predictions: [Int]
        /// The probability of that class, in [0, 1].
        package var probabilities: [Double]

        /// A column of these predictions.
        package init(key: String, predictions: [Int], probabilities: [Double]) {
            self.key = key
            self.predictions = predictions
            self.probabilities = probabilities
        }
    }

    /// The schemes that always have a column, by their keys; kept once shipped.
    package static let schemes = ["one_vs_all", "one_vs_all_refit", "all_vs_all", "tree"]

    /// The true class of every test row.
    package var labels: [Int]
    /// A name per class.
    package var classNames: [String]
    /// What each scheme predicts.
    ///
    /// A column of ``schemes`` is empty where the run trained no heads for its scheme.
    package var columns: [Column]

    /// Traps unless every scheme given predicts every row, and all classes have names.
    package init(labels: [Int], classNames: [String], columns: [Column]) {
        precondition(
            columns.allSatisfy {
                $0.predictions.count == labels.count && $0.probabilities.count == labels.count
            })
        self.labels = labels
        self.classNames = classNames
        self.columns = columns
    }

    /// Row, label and the class indices of ``schemes`` alone, as a file of its own: what the digest of the
    /// predictions is over, whatever else the file says.
    package func kept() -> [UInt8] {
        let rows = labels.indices.map { keptFields($0) }
        return Self.text([Self.keptHeader] + rows)
    }

    private static let keptHeader = ["row", "label"] + schemes

    private func keptFields(_ row: Int) -> [String] {
        let indices = Self.schemes.map { key in
            columns.first { $0.key == key }.map { "\($0.predictions[row])" } ?? ""
        }
        return ["\(row)", "\(labels[row])"] + indices
    }

    private static func text(_ rows: [[String]]) -> [UInt8] {
        Array(rows.map { $0.joined(separator: ",") + "\n" }.joined().utf8)
    }

    /// The file's bytes; rows count from 0.
    ///
    /// First what is kept once shipped: row, label and a class index a scheme of ``schemes``. Behind that
    /// the indices of all other schemes, the label's name, and for each scheme the predicted class's
    /// name and probability, to six places.
    package func encoded() -> [UInt8] {
        let others = columns.filter { !Self.schemes.contains($0.key) }
        let header =
            Self.keptHeader + others.map(\.key) + ["label_name"]
            + columns.flatMap { [$0.key + "_name", $0.key + "_probability"] }
        let names = classNames.map(CSVFields.quoted)
        let rows = labels.indices.map { row in
            keptFields(row) + others.map { "\($0.predictions[row])" } + [names[labels[row]]]
                + columns.flatMap {
                    [names[$0.predictions[row]], Self.places($0.probabilities[row])]
                }
        }
        return Self.text([header] + rows)
    }

    /// A probability to six places; nothing for NaN and below zero.
    private static func places(_ probability: Double) -> String {
        guard probability >= 0 else { return "" }
        let millionths = Int((min(probability, 1) * 1e6).rounded())
        let digits = String(millionths + 1_000_000)
        return "\(millionths / 1_000_000)." + digits.suffix(6)
    }
}
