import Glibc
import Numerics

/// The rows that are kept of a labelled list, and the classes they then have.
///
/// Pure: labels in, row numbers out; pixels are moved once, at the end.
package struct Selection {
    /// Rows of the list, ascending.
    package private(set) var rows: [Int]
    /// The new class of each row of ``rows``.
    package private(set) var labels: [Int]
    /// By new class, what its rows are drawn by.
    private let classKeys: [UInt64]

    /// How many classes are kept.
    private var classCount: Int { classKeys.count }

    /// Keeps the rows whose class is in `classes`, whose order gives them their new numbers.
    ///
    /// - Parameters:
    ///   - labels: each at least 0 and at most the largest class of the data set.
    ///   - classKeys: of `classes`; without them a class's number in `labels` is its key.
    package init(keeping classes: [Int], of labels: [Int], classKeys: [UInt64]? = nil) {
        var renumbered: [Int: Int] = [:]
        for (new, old) in classes.enumerated() { renumbered[old] = new }
        self.classKeys = classKeys ?? classes.map { UInt64($0) }
        precondition(self.classKeys.count == classes.count)
        rows = []
        self.labels = []
        rows.reserveCapacity(labels.count)
        self.labels.reserveCapacity(labels.count)
        // A table, as a dictionary look-up a row would cost more than reading the file.
        let table = (0...(labels.max() ?? 0)).map { renumbered[$0] }
        for (row, label) in labels.enumerated() {
            guard let new = table[label] else { continue }
            rows.append(row)
            self.labels.append(new)
        }
    }

    /// Keeps rows 0, `step`, 2 * `step` and so on of what is left; `step` is at least 1.
    package mutating func keepEvery(_ step: Int) {
        precondition(step >= 1)
        guard step > 1 else { return }
        keep(stride(from: 0, to: rows.count, by: step))
    }

    /// Keeps `ceil(fraction * n)` of the `n` rows of each class, drawn by the seed.
    ///
    /// Row `i` of a class, as numbered by what was selected before, has the Philox key `(i, c, 0)`, `c`
    /// being the class's own key; the rows with the smallest keys stay, in the order they had. So a
    /// smaller fraction keeps a part of what a larger one keeps, and which other classes there are
    /// does not matter.
    package mutating func keepFraction(_ fraction: Double, seed: UInt64) {
        precondition(fraction > 0 && fraction <= 1)
        guard fraction < 1 else { return }
        keep(
            drawn(seed: seed).flatMap { positions in
                positions.prefix(Self.rowCount(fraction, of: positions.count))
            }.sorted())
    }

    /// Takes `ceil(share * n)` of the `n` rows of each class out, but never a class's last one, drawn by
    /// the seed as by ``keepFraction(_:seed:)`` with numbers of their own.
    ///
    /// So a larger share takes out all that a smaller one does, and which other classes there are does
    /// not matter.
    ///
    /// - Returns: what was taken out, in the order it had.
    package mutating func holdOut(_ share: Double, seed: UInt64) -> Selection {
        precondition(share > 0 && share < 1)
        let held = Set(
            drawn(seed: seed, by: .holdout).flatMap { positions in
                positions.prefix(
                    min(Self.rowCount(share, of: positions.count), max(0, positions.count - 1)))
            })
        var other = self
        other.keep(rows.indices.filter { held.contains($0) })
        keep(rows.indices.filter { !held.contains($0) })
        return other
    }

    /// How many rows each class has left.
    package var classCounts: [Int] {
        var counts = [Int](repeating: 0, count: classCount)
        for label in labels { counts[label] += 1 }
        return counts
    }

    /// Keeps a share of each class that falls geometrically from 1 for the first to `1 / ratio` for the
    /// last, rounded up, drawn by the seed as by ``keepFraction(_:seed:)``.
    mutating func makeImbalanced(_ ratio: Double, seed: UInt64) {
        precondition(ratio >= 1)
        guard ratio > 1, classCount > 1 else { return }
        keep(
            drawn(seed: seed).enumerated().flatMap { label, positions in
                let share = pow(ratio, -Double(label) / Double(classCount - 1))
                return positions.prefix(Self.rowCount(share, of: positions.count))
            }.sorted())
    }

    /// Repeats rows until every class has as many as the largest.
    ///
    /// Each of a class's rows is there equally often, and those drawn first once more. Copies follow
    /// their row.
    mutating func resample(seed: UInt64) {
        let classes = drawn(seed: seed)
        let most = classes.reduce(0) { max($0, $1.count) }
        var counts = [Int](repeating: 1, count: rows.count)
        for positions in classes where !positions.isEmpty {
            let (whole, rest) = most.quotientAndRemainder(dividingBy: positions.count)
            for (rank, position) in positions.enumerated() {
                counts[position] = whole + (rank < rest ? 1 : 0)
            }
        }
        keep(counts.indices.flatMap { repeatElement($0, count: counts[$0]) })
    }

    /// The positions of each class, in the order in which the seed draws them.
    private func drawn(seed: UInt64, by purpose: RandomPurpose = .subsample) -> [[Int]] {
        var positionsByClass = [[Int]](repeating: [], count: classCount)
        for (position, label) in labels.enumerated() { positionsByClass[label].append(position) }
        return positionsByClass.enumerated().map { label, positions in
            let keyed = positions.indices.map { index in
                let key = Philox.key(
                    seed: seed, purpose: purpose, row: index, ofClass: classKeys[label], 0)
                return (key: key, index: index)
            }
            return keyed.sorted { ($0.key, $0.index) < ($1.key, $1.index) }
                .map { positions[$0.index] }
        }
    }

    /// `ceil(fraction * count)` as a person means it.
    ///
    /// In binary 0.07 * 100 is a hair above 7, and a plain ceiling would keep 8 rows: products
    /// within 1e-9 of a whole number count as that number. Rounding errs by less than that up to
    /// 4 million rows.
    static func rowCount(_ fraction: Double, of count: Int) -> Int {
        let product = fraction * Double(count)
        let nearest = product.rounded()
        let result = abs(product - nearest) < 1e-9 ? nearest : product.rounded(.up)
        return count == 0 ? 0 : min(count, max(1, Int(result)))
    }

    private mutating func keep(_ positions: some Sequence<Int>) {
        var keptRows: [Int] = []
        var keptLabels: [Int] = []
        for position in positions {
            keptRows.append(rows[position])
            keptLabels.append(labels[position])
        }
        rows = keptRows
        labels = keptLabels
    }
}
