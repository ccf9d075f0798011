package import Decoding

/// The table of the post whose claim is tested.
///
/// "An All-vs-All Scheme for Deep Learning", Two Six Technologies, 2020. Two digits as printed;
/// where the post lost a point (`0.42 ± 04`) it is restored.
package enum PostNumbers {
    /// Where the post is.
    package static let address = "https://twosixtech.com/an-all-vs-all-scheme-for-deep-learning/"

    /// An accuracy and its standard deviation, shares of one.
    package struct Entry: Equatable, Sendable {
        /// The mean over the post's trials.
        package let mean: Double
        /// Their standard deviation.
        package let deviation: Double

        /// Whether an interval of the mean leaves out all values that the post's two digits may stand
        /// for; false without an interval.
        package func isOutside(_ interval: [Double]?) -> Bool {
            guard let ends = StudyReport.ends(of: interval) else { return false }
            return ends.lower > mean + 0.005 || ends.upper < mean - 0.005
        }
    }

    /// The post's number for a scheme on a share of the rows; nil where it has none.
    package static func entry(dataset: String, fraction: Double, scheme: Scheme) -> Entry? {
        let lines =
            switch dataset {
            case "mnist": mnist
            case "cifar10": cifar10
            default: [Row]()
            }
        guard let line = lines.first(where: { abs($0.fraction - fraction) < 1e-9 }) else {
            return nil
        }
        let (mean, deviation) =
            switch scheme {
            case .oneVsAll: line.oneVsAll
            case .softVote: line.allVsAll
            case .treeElimination: line.tree
            default: (Double.nan, Double.nan)
            }
        return mean.isFinite ? Entry(mean: mean, deviation: deviation) : nil
    }

    /// What the post's scheme gains on its one-vs-all, as a share of one; nil where it has no numbers.
    package static func gain(dataset: String, fraction: Double, scheme: Scheme) -> Double? {
        guard let entry = entry(dataset: dataset, fraction: fraction, scheme: scheme),
            let base = self.entry(dataset: dataset, fraction: fraction, scheme: .oneVsAll)
        else { return nil }
        return entry.mean - base.mean
    }

    private struct Row {
        let fraction: Double
        let oneVsAll: (Double, Double)
        let allVsAll: (Double, Double)
        let tree: (Double, Double)
    }

    private static let mnist = [
        Row(fraction: 0.01, oneVsAll: (0.85, 0), allVsAll: (0.92, 0), tree: (0.92, 0)),
        Row(fraction: 0.1, oneVsAll: (0.96, 0), allVsAll: (0.97, 0), tree: (0.96, 0)),
        Row(fraction: 0.25, oneVsAll: (0.97, 0), allVsAll: (0.97, 0), tree: (0.97, 0)),
        Row(fraction: 0.5, oneVsAll: (0.98, 0), allVsAll: (0.98, 0), tree: (0.98, 0)),
        Row(fraction: 1, oneVsAll: (0.99, 0), allVsAll: (0.99, 0), tree: (0.99, 0)),
    ]

    private static let cifar10 = [
        Row(fraction: 0.01, oneVsAll: (0.19, 0), allVsAll: (0.26, 0), tree: (0.27, 0)),
        Row(fraction: 0.1, oneVsAll: (0.39, 0.01), allVsAll: (0.42, 0.04), tree: (0.39, 0.02)),
        Row(fraction: 0.25, oneVsAll: (0.45, 0.04), allVsAll: (0.51, 0.02), tree: (0.5, 0.01)),
        Row(fraction: 0.5, oneVsAll: (0.48, 0.03), allVsAll: (0.57, 0), tree: (0.53, 0.01)),
        Row(fraction: 1, oneVsAll: (0.63, 0.01), allVsAll: (0.63, 0), tree: (0.63, 0)),
    ]
}
