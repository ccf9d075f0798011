/// Schemes over all pairs: one product gives every pair's lead, and dense operations do the rest.
struct PairGraph {
    let classCount: Int
    /// As `ClassifierGraph.Rule.pairs` says.
    let layer: LinearLayer

    private var pairCount: Int { classCount * (classCount - 1) / 2 }

    /// The place of a pair in the layer.
    static func place(_ first: Int, _ second: Int) -> Int {
        second * (second - 1) / 2 + first
    }

    /// `[N, class]`, float32, summing to 1.
    func probabilities(
        _ rule: ClassifierGraph.PairRule, _ features: GraphValue, _ builder: inout GraphBuilder
    ) -> GraphValue {
        switch rule {
        case .softVote: softVote(leads(features, layer, &builder), &builder)
        case .hardVote: hardVote(leads(features, layer, &builder), &builder)
        case .coupling: coupling(leads(features, layer, &builder), &builder)
        case .elimination: elimination(features, &builder)
        }
    }

    /// `[N, pair]`: how much the lower class leads; NaN is a tie, as two logits that are not numbers are.
    func leads(
        _ features: GraphValue, _ layer: LinearLayer, _ builder: inout GraphBuilder
    ) -> GraphValue {
        builder.withoutNaN(builder.product(features, layer))
    }

    /// Adds up what the lower class of each pair gets, and the rest of 1 for the higher one, over all
    /// pairs.
    private func votes(_ lower: GraphValue, _ builder: inout GraphBuilder) -> GraphValue {
        var signs = [Float](repeating: 0, count: pairCount * classCount)
        for second in 1..<classCount {
            for first in 0..<second {
                let row = Self.place(first, second) * classCount
                signs[row + first] = 1
                signs[row + second] = -1
            }
        }
        let table = builder.constant(GraphTensor([pairCount, classCount], .floats(signs)))
        // A class is the higher one of as many pairs as there are classes below it.
        let counts = builder.constant(.floats((0..<classCount).map { Float($0) }))
        // Whole numbers until here, so that equal votes are equal.
        return builder.add(
            "Div", builder.add("Gemm", lower, table, counts), .float(Float(pairCount)))
    }

    private func softVote(_ leads: GraphValue, _ builder: inout GraphBuilder) -> GraphValue {
        votes(builder.add("Sigmoid", leads), &builder)
    }

    private func hardVote(_ leads: GraphValue, _ builder: inout GraphBuilder) -> GraphValue {
        let wins = builder.add("GreaterOrEqual", leads, .float(0))
        return votes(builder.cast(wins, to: .float), &builder)
    }
}
