import Formats

/// Elimination over subsets: each round asks one head for each row and drops the lowest class.
struct TreeGraph {
    let classCount: Int
    /// As `ClassifierGraph.Rule.tree` says.
    let levels: [SubsetLayer]

    /// `[N, class]`, float32, summing to 1.
    ///
    /// A row is the place of its subset among those of its size, and asks that one's head alone, see
    /// ``OwnOutputs``. Every head answers by how much its classes lead its lowest one.
    func probabilities(_ features: GraphValue, _ builder: inout GraphBuilder) -> GraphValue {
        var rows = TreeRows(
            subset: builder.repeated(.integers([0]), forRowsOf: features), remaining: nil,
            probabilities: nil)
        for (index, level) in levels.enumerated().reversed() {
            let leads = TreeLevel(level).leads(rows.subset, features, &builder)
            let next = index > 0 ? Self.followers(of: level.subsets, levels[index - 1].subsets) : []
            step(&rows, leads, level.subsets, next, &builder)
        }
        guard let probabilities = rows.probabilities else { preconditionFailure("no round") }
        return probabilities
    }

    /// Settles what a round drops, and in the last round both classes.
    ///
    /// - Parameters:
    ///   - leads: `[N, class]` of the rows' subsets, in descending order of the classes, so that of the
    ///     lowest ones the first is the highest class, which goes.
    ///   - next: by subset and class, descending: the subset without it.
    private func step(
        _ rows: inout TreeRows, _ leads: GraphValue, _ subsets: [[Int]], _ next: [[Int]],
        _ builder: inout GraphBuilder
    ) {
        let shares = builder.add("Softmax", leads, with: ["axis": .integer(1)])
        let classes = builder.add(
            "Gather", builder.constant(.table(subsets.map { $0.reversed() })), rows.subset)
        guard !next.isEmpty else {
            for place in 0..<2 {
                add(
                    builder.columns(shares, place..<place + 1),
                    of: builder.columns(classes, place..<place + 1), to: &rows, &builder)
            }
            return
        }
        let lowest = builder.add("ArgMin", leads, with: ["axis": .integer(1)])
        func ofLowest(_ values: GraphValue, _ builder: inout GraphBuilder) -> GraphValue {
            builder.add("GatherElements", values, lowest, with: ["axis": .integer(1)])
        }
        let share = ofLowest(shares, &builder)
        add(share, of: ofLowest(classes, &builder), to: &rows, &builder)
        let left = builder.add("Sub", builder.constant(.float(1)), share)
        rows.remaining = rows.remaining.map { builder.add("Mul", $0, left) } ?? left
        let followers = builder.add("Gather", builder.constant(.table(next)), rows.subset)
        rows.subset = builder.add("Squeeze", ofLowest(followers, &builder), .integers([1]))
    }

    /// Gives a class of each row its share of what remains.
    private func add(
        _ share: GraphValue, of classes: GraphValue, to rows: inout TreeRows,
        _ builder: inout GraphBuilder
    ) {
        let part = rows.remaining.map { builder.add("Mul", share, $0) } ?? share
        let place = builder.cast(
            builder.add("Equal", classes, .integers(0..<classCount)), to: .float)
        let values = builder.add("Mul", place, part)
        rows.probabilities = rows.probabilities.map { builder.add("Add", $0, values) } ?? values
    }

    /// By subset and class, descending: the place of the subset without the class among those of its
    /// size.
    private static func followers(of subsets: [[Int]], _ smaller: [[Int]]) -> [[Int]] {
        var places: [[Int]: Int] = [:]
        for (place, subset) in smaller.enumerated() { places[subset] = place }
        return subsets.map { subset in
            subset.reversed().map { dropped in places[subset.filter { $0 != dropped }] ?? 0 }
        }
    }
}

/// What is known of the rows between two rounds.
private struct TreeRows {
    /// `[N]`: the place of the remaining subset among those of its size.
    var subset: GraphValue
    /// `[N, 1]`: the probability of the remaining classes together; nil where it is 1.
    var remaining: GraphValue?
    /// `[N, class]`: of those dropped so far, 0 of the others; nil before any.
    var probabilities: GraphValue?
}

/// The heads over all subsets of one size.
private struct TreeLevel {
    private let subsets: [[Int]]
    private let layer: LinearLayer

    init(_ level: SubsetLayer) {
        subsets = level.subsets
        layer = level.layer
    }

    private var size: Int { subsets[0].count }
    private var width: Int { layer.weights.columnCount }
    private var outputCount: Int { subsets.count * (size - 1) }

    /// `[N, class]`: how much the classes of a row's subset, descending, lead its lowest class, which
    /// stands last with 0.
    func leads(
        _ subset: GraphValue, _ features: GraphValue, _ builder: inout GraphBuilder
    ) -> GraphValue {
        let leads: GraphValue
        if subsets.count == 1 {
            leads = builder.product(features, differences)
        } else {
            let places = subsets.indices.map { subset in
                (0..<size - 1).map { subset * (size - 1) + $0 }
            }
            let own = builder.add("Gather", builder.constant(.table(places)), subset)
            leads = OwnOutputs(layer: differences, count: size - 1).values(
                of: own, features, &builder)
        }
        return builder.padded(builder.finite(leads), right: 1)
    }

    /// By subset and class, descending, without the lowest: its weights less those of the lowest.
    private var differences: LinearLayer {
        let (layer, size) = (layer, size)
        @Sendable func rows(_ index: Int) -> (own: Int, lowest: Int) {
            let (subset, place) = index.quotientAndRemainder(dividingBy: size - 1)
            return (subset * size + size - 1 - place, subset * size)
        }
        return LinearLayer(
            weights: FloatRows(rowCount: outputCount, columnCount: width) { index in
                let (own, lowest) = rows(index)
                return zip(layer.weights[own], layer.weights[lowest]).map { $0 - $1 }
            },
            biases: (0..<outputCount).map { index in
                let (own, lowest) = rows(index)
                return layer.biases[own] - layer.biases[lowest]
            })
    }
}
