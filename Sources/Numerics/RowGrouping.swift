/// The rows of some features by class, as numbers: all of class 0 in their order, then of class 1, and
/// so on.
///
/// It is how a ``FeatureTable`` orders its rows, without their features.
package struct RowGrouping: Sendable, Equatable {
    /// The number of each row among all features.
    package let rows: [UInt32]
    /// What each of ``rows`` weighs, above 0; nil if all weigh 1.
    package let rowWeights: [Float]?
    /// Rows per class.
    package let classRowCounts: [Int]
    /// By class, the number that names it in all runs.
    package let classKeys: [UInt64]
    /// First row of each class among ``rows``, and the row count at the end.
    package let classRowOffsets: [Int]

    /// Groups rows by their labels.
    ///
    /// - Parameters:
    ///   - labels: a class below `classCount` per row, of fewer than 2^32 rows.
    ///   - classKeys: by class, distinct; nil if every class's key is its index.
    ///   - weights: of each row, finite and not negative; rows of weight 0 are left out. Nil if all weigh 1.
    package init(
        labels: [Int], classCount: Int, classKeys: [UInt64]? = nil, weights: [Float]? = nil
    ) {
        precondition(labels.count <= Int(UInt32.max))
        precondition(weights.map { $0.count == labels.count } ?? true)
        let isWanted = { (row: Int) in weights.map { $0[row] > 0 } ?? true }
        var counts = [Int](repeating: 0, count: classCount)
        for (row, label) in labels.enumerated() where isWanted(row) { counts[label] += 1 }
        let offsets = Self.offsets(counts)
        var next = offsets
        var rows = [UInt32](repeating: 0, count: offsets[classCount])
        for (row, label) in labels.enumerated() where isWanted(row) {
            rows[next[label]] = UInt32(row)
            next[label] += 1
        }
        self.init(
            rows: rows, rowWeights: weights.map { weights in rows.map { weights[Int($0)] } },
            classRowCounts: counts, classKeys: classKeys ?? counts.indices.map(UInt64.init),
            offsets: offsets)
    }

    private init(
        rows: [UInt32], rowWeights: [Float]?, classRowCounts: [Int], classKeys: [UInt64],
        offsets: [Int]
    ) {
        precondition(classKeys.count == classRowCounts.count)
        self.rows = rows
        self.rowWeights = rowWeights
        self.classRowCounts = classRowCounts
        self.classKeys = classKeys
        classRowOffsets = offsets
    }

    private static func offsets(_ counts: [Int]) -> [Int] {
        counts.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
    }

    /// The numbers of a class's rows, ascending.
    package func rows(of label: Int) -> ArraySlice<UInt32> {
        rows[classRowOffsets[label]..<classRowOffsets[label + 1]]
    }

    /// What the rows of a class weigh together, added up in their order: without weights their number.
    package func weightSum(of label: Int) -> Double {
        guard let rowWeights else { return Double(classRowCounts[label]) }
        return rowWeights[classRowOffsets[label]..<classRowOffsets[label + 1]]
            .reduce(0) { $0 + Double($1) }
    }

    /// Without the rows of the classes that are not listed.
    package func restricted(to classes: [Int]) -> RowGrouping {
        let kept = Set(classes)
        return select { kept.contains($0) ? Array(rows(of: $0).indices) : [] }
    }

    /// About `rowCountMax` of the rows at most, the same share of every class, drawn by the seed: all of
    /// them, if they are no more, and of every class at least two.
    ///
    /// A row is drawn by `Philox.key(seed, crossValidation, row, class)` with a last counter word of 1,
    /// the lowest first. Takes as much memory as it returns.
    package func sample(rowCountMax: Int, seed: UInt64) -> RowGrouping {
        guard rows.count > rowCountMax else { return self }
        let share = Double(rowCountMax) / Double(rows.count)
        return select { label in
            let count = classRowCounts[label]
            let wanted = min(count, max(2, Int(Double(count) * share)))
            var chosen: [(key: UInt64, row: Int)] = []
            // Above it are none of the lowest.
            var limit = UInt64.max
            func keepLowest() {
                guard chosen.count > wanted else { return }
                chosen.sort { ($0.key, $0.row) < ($1.key, $1.row) }
                chosen.removeLast(chosen.count - wanted)
                limit = chosen[wanted - 1].key
            }
            for row in 0..<count {
                let key = Philox.key(
                    seed: seed, purpose: .crossValidation, row: row, ofClass: classKeys[label], 1)
                guard key <= limit else { continue }
                chosen.append((key, row))
                if chosen.count >= 2 * wanted { keepLowest() }
            }
            keepLowest()
            return chosen.map { classRowOffsets[label] + $0.row }.sorted()
        }
    }

    /// - Parameter placesOfClass: places in ``rows``, ascending.
    private func select(_ placesOfClass: (Int) -> [Int]) -> RowGrouping {
        let parts = classRowCounts.indices.map(placesOfClass)
        let counts = parts.map(\.count)
        return RowGrouping(
            rows: parts.joined().map { rows[$0] },
            rowWeights: rowWeights.map { weights in parts.joined().map { weights[$0] } },
            classRowCounts: counts, classKeys: classKeys, offsets: Self.offsets(counts))
    }
}
