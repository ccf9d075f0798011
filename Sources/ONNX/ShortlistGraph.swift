import Formats

/// One-vs-all's most probable classes, and then their pairs, coupled.
struct ShortlistGraph {
    let classCount: Int
    /// Classes on a list, fewer than there are.
    let listCount: Int
    /// A row per class.
    let whole: LinearLayer
    /// As `ClassifierGraph.Rule.pairs` says.
    let pairs: LinearLayer

    /// `[N, class]`, float32, summing to 1: a class that is not on a row's list has what one-vs-all says,
    /// and the pairs share the rest among those that are.
    func probabilities(_ features: GraphValue, _ builder: inout GraphBuilder) -> GraphValue {
        let logits = builder.finite(builder.product(features, whole))
        let all = builder.add("Softmax", logits, with: ["axis": .integer(1)])
        let list = list(logits, &builder)
        let coupled = PairGraph(classCount: listCount, layer: pairs)
            .coupling(leads(list, features, &builder), &builder)
        let listed = builder.add(
            "GatherElements", all, list, with: ["axis": .integer(1)])
        let together = builder.rowSums(listed, columnCount: listCount)
        return builder.add(
            "ScatterElements", [all, list, builder.add("Mul", coupled, together)], outputCount: 1,
            with: ["axis": .integer(1)])[0]
    }

    /// `[N, place]`: the classes of the highest logits, ascending.
    private func list(_ logits: GraphValue, _ builder: inout GraphBuilder) -> GraphValue {
        let count = builder.constant(.integers([listCount]))
        let best = builder.add("TopK", [logits, count], outputCount: 2)[1]
        // Ascending; no two are equal.
        return builder.add("TopK", [best, count], outputCount: 2, with: ["largest": .integer(0)])[0]
    }

    /// `[N, pair of places]`: how much the lower class leads.
    private func leads(
        _ list: GraphValue, _ features: GraphValue, _ builder: inout GraphBuilder
    ) -> GraphValue {
        let places = (1..<listCount).flatMap { second in (0..<second).map { ($0, second) } }
        func classes(_ places: [Int], _ builder: inout GraphBuilder) -> GraphValue {
            builder.add("Gather", list, .integers(places), with: ["axis": .integer(1)])
        }
        let first = classes(places.map(\.0), &builder)
        let second = classes(places.map(\.1), &builder)
        // second * (second - 1) / 2 + first, as pairs lie in the layer.
        let product = builder.add("Mul", second, builder.add("Sub", second, .integers([1])))
        let pair = builder.add("Add", builder.add("Div", product, .integers([2])), first)
        return builder.withoutNaN(
            OwnOutputs(layer: pairs, count: places.count).values(of: pair, features, &builder))
    }
}
