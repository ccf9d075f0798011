import Formats

/// Schemes over all pairs: one product gives every pair's lead, and dense operations do the rest.
struct PairGraph {
    let classCount: Int
    /// As `ClassifierGraph.Rule.pairs` says.
    let layer: LinearLayer

    var pairCount: Int { classCount * (classCount - 1) / 2 }

    /// The place of a pair in the layer.
    static func place(_ first: Int, _ second: Int) -> Int { second * (second - 1) / 2 + first }

    /// `[N, class]`, float32, summing to 1.
    func probabilities(
        _ rule: ClassifierGraph.PairRule, _ features: GraphValue, _ builder: inout GraphBuilder
    ) -> GraphValue {
        guard rule != .elimination else { return elimination(features, &builder) }
        let leads = leads(features, layer, &builder)
        switch rule {
        case .coupling: return coupling(leads, &builder)
        case .softVote, .hardVote, .elimination:
            // Whole numbers until the end, so that equal votes are equal. What the higher class gets is the
            // rest of 1, and a class is the higher one of as many pairs as there are classes below it.
            let votes = builder.add(
                "Gemm", answers(rule, leads, &builder), table(higher: -1),
                .floats((0..<classCount).map { Float($0) }))
            return builder.add("Div", votes, .float(Float(pairCount)))
        }
    }

    /// `[N, class]`: what a class won of its pairs over what it lost, both a little more; of softmax
    /// outputs what it won counts twice.
    ///
    /// Both are sums of what is small where it is small: one less the other would be rounded away.
    func odds(
        ofVotes rule: ClassifierGraph.PairRule, _ features: GraphValue, smoothing: Double,
        _ builder: inout GraphBuilder
    ) -> GraphValue {
        let leads = leads(features, layer, &builder)
        let lower = answers(rule, leads, &builder)
        let higher =
            rule == .softVote
            ? answers(rule, builder.add("Neg", leads), &builder)
            : builder.add("Sub", builder.constant(.float(1)), lower)
        let ofLower = builder.constant(table(higher: 0))
        let ofHigher = builder.constant(table(lower: 0, higher: 1))
        let little = builder.constant(.float(Float(smoothing)))
        func sum(_ lower: GraphValue, _ higher: GraphValue) -> GraphValue {
            let votes = builder.add(
                "Add", builder.add("MatMul", lower, ofLower),
                builder.add("MatMul", higher, ofHigher))
            return builder.add("Add", votes, little)
        }
        let won = sum(lower, higher)
        let odds = builder.add("Div", won, sum(higher, lower))
        return rule == .softVote ? builder.add("Mul", odds, won) : odds
    }

    /// `[N, pair]`: how much the lower class leads; NaN is a tie, as two logits that are not numbers are.
    func leads(
        _ features: GraphValue, _ layer: LinearLayer, _ builder: inout GraphBuilder
    ) -> GraphValue {
        builder.withoutNaN(builder.product(features, layer))
    }

    /// `[N, pair]`: what the lower class of each pair gets of its vote.
    private func answers(
        _ rule: ClassifierGraph.PairRule, _ leads: GraphValue, _ builder: inout GraphBuilder
    ) -> GraphValue {
        rule == .softVote
            ? builder.add("Sigmoid", leads)
            : builder.cast(builder.add("GreaterOrEqual", leads, .float(0)), to: .float)
    }

    /// `[pair, class]`: these numbers where the class is the lower and the higher one.
    private func table(lower: Float = 1, higher: Float) -> GraphTensor {
        var values = [Float](repeating: 0, count: pairCount * classCount)
        for second in 1..<classCount {
            for first in 0..<second {
                let row = Self.place(first, second) * classCount
                values[row + first] = lower
                values[row + second] = higher
            }
        }
        return GraphTensor([pairCount, classCount], .floats(values))
    }
}
