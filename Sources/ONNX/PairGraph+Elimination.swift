import Formats

extension PairGraph {
    /// Platt's DAG: of the first and the last class left the loser leaves.
    ///
    /// After `t` rounds the first class left is one of `t + 1`, and the last is `K - 1 - t` above it. So a
    /// row is a mask over `t + 1` places, and round `t` reads `t + 1` pairs that no other round reads: the
    /// layer's outputs are ordered by rounds, and nothing is gathered.
    func elimination(_ features: GraphValue, _ builder: inout GraphBuilder) -> GraphValue {
        let order = (0..<classCount - 1).flatMap { round in
            (0...round).map { Self.place($0, $0 + classCount - 1 - round) }
        }
        let weights = layer.weights
        let ordered = LinearLayer(
            weights: FloatRows(rowCount: weights.rowCount, columnCount: weights.columnCount) {
                weights[order[$0]]
            }, biases: order.map { layer.biases[$0] })
        let leads = self.leads(features, ordered, &builder)
        let widths = Array(1..<classCount)
        func byRound(_ value: GraphValue, _ builder: inout GraphBuilder) -> [GraphValue] {
            guard classCount > 2 else { return [value] }
            return builder.add(
                "Split", [value, builder.constant(.integers(widths))], outputCount: widths.count,
                with: ["axis": .integer(1)])
        }
        let wins = byRound(
            builder.cast(builder.add("GreaterOrEqual", leads, .float(0)), to: .float), &builder)
        // How likely the loser is, in units of the winner.
        let odds = byRound(
            builder.add("Exp", builder.add("Neg", builder.add("Abs", leads))), &builder)
        // [N, place]: 1 where the first class left is.
        var place = builder.repeated(GraphTensor([1, 1], .floats([1])), forRowsOf: features)
        var firstWins: [GraphValue] = []
        var lastWins: [GraphValue] = []
        for wins in wins {
            let stays = builder.add("Mul", place, wins)
            let moves = builder.add("Sub", place, stays)
            firstWins.append(stays)
            lastWins.append(moves)
            place = builder.add(
                "Add", builder.padded(stays, right: 1), builder.padded(moves, left: 1))
        }
        // Backwards, so that a winner's weight is known before its loser's: it weighs what beat it
        // weighs, times its odds against that.
        var weight = place
        for round in (0..<classCount - 1).reversed() {
            let distance = classCount - 1 - round
            let first = builder.columns(weight, 0..<round + 1)
            let last = builder.columns(weight, distance..<classCount)
            let losingLast = builder.add(
                "Mul", builder.add("Mul", firstWins[round], odds[round]), first)
            let losingFirst = builder.add(
                "Mul", builder.add("Mul", lastWins[round], odds[round]), last)
            weight = builder.add(
                "Sum", weight, builder.padded(losingLast, left: distance),
                builder.padded(losingFirst, right: distance))
        }
        return builder.normalized(weight, columnCount: classCount)
    }
}
