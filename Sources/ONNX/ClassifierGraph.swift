package import Formats
package import Numerics

/// A classifier as one graph of dense products: rows in, labels and probabilities out.
///
/// It takes plain arrays and knows nothing of models. A graph has neither loops nor one subgraph per
/// pair: rounds are unrolled, and every number of nodes depends on the classes alone.
package struct ClassifierGraph: Sendable {
    /// The most classes of schemes whose rounds are unrolled, one after another for each class.
    package static let roundClassCountMax = 200

    /// The names of classes, as labels come out.
    package enum Labels: Sendable, Equatable {
        case integers([Int64])
        case texts([String])

        /// Integers where every name is one in its usual spelling, else texts.
        package init(_ names: [String]) {
            let numbers = names.compactMap { name in
                Int64(name).flatMap { String($0) == name ? $0 : nil }
            }
            self = numbers.count == names.count ? .integers(numbers) : .texts(names)
        }

        /// How many classes there are.
        package var count: Int {
            switch self {
            case .integers(let values): values.count
            case .texts(let values): values.count
            }
        }
    }

    /// What rows are.
    package enum Input: Sendable {
        /// `features`, float32 `[N, feature]`, normalised first.
        case features(count: Int, Normalization)
        /// `images`, bytes, from which layers make features.
        case images(ImageLayers)
    }

    /// How rows are decided.
    ///
    /// Classes are numbered from 0; of equally probable ones the lowest wins.
    package enum Rule: Sendable {
        /// The softmax of one layer over all classes.
        case whole(LinearLayer)
        /// One output a class, how far its own logit is above the rest's.
        case rest(LinearLayer)
        /// One output per pair, how much the lower class leads the higher, in the order (0,1), (0,2),
        /// (1,2), (0,3) and so on.
        case pairs(PairRule, LinearLayer)
        /// The most probable classes of a layer over all classes, so many of them, and then their pairs,
        /// coupled; pairs as above.
        case shortlist(Int, whole: LinearLayer, pairs: LinearLayer)
        /// Elimination over subsets: those of two classes first, then of each size up to all classes.
        case tree([SubsetLayer])
    }

    /// What is made of all pairs.
    package enum PairRule: Sendable, Hashable {
        /// Softmax outputs are added.
        case softVote
        /// Each pair has one vote.
        case hardVote
        /// The probabilities that fit all pairs best.
        case coupling
        /// Of the first and the last class left the loser leaves.
        case elimination
    }

    /// The softmax of scores over a temperature.
    package struct Calibration: Sendable, Hashable {
        /// Above 0.
        package let temperature: Double
        /// What is added to the pairs that a class won and to those that it lost.
        ///
        /// It is of votes alone, whose scores are the logarithms of the odds of pairs won; all other
        /// scores are the logarithms of probabilities.
        package let smoothing: Double

        /// A calibration; `smoothing` is of votes alone.
        package init(temperature: Double, smoothing: Double = 0) {
            self.temperature = temperature
            self.smoothing = smoothing
        }
    }

    /// What may come out.
    package enum Output: String, Sendable, CaseIterable {
        /// The label of the most probable class, a string or an integer.
        case label
        /// Its number among the classes, from 0.
        case labelIndex = "label_index"
        /// `[N, class]`, float32.
        case probabilities
        /// The highest probability, float32.
        case score
    }

    /// A label per class.
    package let labels: Labels
    /// What rows are.
    package let input: Input
    /// How they are decided.
    package let rule: Rule
    /// What is done to probabilities at the end; nil leaves them as they are.
    package let calibration: Calibration?

    /// A graph of these parts; traps on fewer than two labels and a temperature that is not above 0.
    package init(labels: Labels, input: Input, rule: Rule, calibration: Calibration? = nil) {
        precondition(labels.count >= 2 && (calibration?.temperature ?? 1) > 0)
        self.labels = labels
        self.input = input
        self.rule = rule
        self.calibration = calibration
    }

    /// The graph as a file.
    ///
    /// - Parameters:
    ///   - outputs: in this order, none twice, at least one.
    ///   - version: of this program.
    ///   - metadata: what else a reader may want to know, in this order.
    /// - Throws: `FormatError` when a file of ONNX cannot hold it.
    package func file(
        outputs: [Output], version: String, metadata: [(key: String, value: String)]
    ) throws(FormatError) -> GraphFile {
        if isUnrolled, labels.count > Self.roundClassCountMax {
            throw FormatError(
                .malformed,
                "the graph of this scheme has rounds for each class, and \(labels.count) classes are too many (at most \(Self.roundClassCountMax)); export --scheme one_vs_all or all_vs_all"
            )
        }
        var builder = GraphBuilder()
        let features = features(&builder)
        let probabilities =
            switch rule {
            case .whole(let layer): whole(layer, features, &builder)
            case .rest(let layer): rest(layer, features, &builder)
            case .pairs(let rule, let layer):
                pairs(rule, layer, features, &builder)
            case .shortlist(let count, let whole, let layer):
                tempered(
                    count < labels.count
                        ? ShortlistGraph(
                            classCount: labels.count, listCount: count, whole: whole, pairs: layer
                        ).probabilities(features, &builder)
                        // All classes are on the list.
                        : PairGraph(classCount: labels.count, layer: layer)
                            .probabilities(.coupling, features, &builder), &builder)
            case .tree(let levels):
                tempered(
                    TreeGraph(classCount: labels.count, levels: levels)
                        .probabilities(features, &builder), &builder)
            }
        add(outputs, probabilities, &builder)
        return try GraphFile(builder, version: version, metadata: metadata)
    }

    private var isUnrolled: Bool {
        switch rule {
        case .pairs(.coupling, _), .pairs(.elimination, _): true
        default: false
        }
    }

    /// `[N, feature]`, as heads read them.
    private func features(_ builder: inout GraphBuilder) -> GraphValue {
        switch input {
        case .images(let layers): layers.features(&builder)
        case .features(let count, let normalization):
            normalized(
                builder.input("features", .float, rowShape: [count]), normalization, &builder)
        }
    }

    /// In double, and each value rounded once, as everywhere else.
    private func normalized(
        _ rows: GraphValue, _ normalization: Normalization, _ builder: inout GraphBuilder
    ) -> GraphValue {
        guard normalization != .none else { return rows }
        let values = builder.cast(rows, to: .double)
        switch normalization {
        case .none: return rows
        case .l2:
            let length = builder.add(
                "Sqrt", builder.add("ReduceSumSquare", values, .integers([1])))
            // A row of zeros stays.
            let isZero = builder.cast(builder.add("Equal", length, .double(0)), to: .double)
            let divisor = builder.add("Add", length, isZero)
            return builder.cast(builder.add("Div", values, divisor), to: .float)
        case .standardize(let means, let scales):
            let centred = builder.add("Sub", values, GraphTensor([means.count], .doubles(means)))
            let scaled = builder.add("Div", centred, GraphTensor([scales.count], .doubles(scales)))
            return builder.cast(scaled, to: .float)
        }
    }

    /// The softmax of a layer, whose logits the temperature divides.
    private func whole(
        _ layer: LinearLayer, _ features: GraphValue, _ builder: inout GraphBuilder
    ) -> GraphValue {
        var logits = builder.product(features, layer)
        if let calibration {
            logits = builder.add("Div", logits, .float(Float(calibration.temperature)))
        }
        logits = builder.finite(logits)
        return builder.add("Softmax", logits, with: ["axis": .integer(1)])
    }

    /// Sigmoids of a layer to the power of 1 over the temperature, normalised.
    ///
    /// With the greatest of the logarithms subtracted, as `e^(min(z, 0) - min(highest, 0))` times the
    /// sigmoid of `|z|`: scores far below 0 keep their ratios. Scores far above 0 have sigmoids of 1; of
    /// such the highest is raised a little, so that the argmax is that of the scores.
    private func rest(
        _ layer: LinearLayer, _ features: GraphValue, _ builder: inout GraphBuilder
    ) -> GraphValue {
        let scores = builder.finite(builder.product(features, layer))
        let low = builder.add("Min", scores, .float(0))
        let highest = builder.add("ReduceMax", low, .integers([1]))
        var logarithms = builder.add("Sub", low, highest)
        var sigmoids = builder.add("Sigmoid", builder.add("Abs", scores))
        if let calibration {
            let temperature = Float(calibration.temperature)
            logarithms = builder.add("Div", logarithms, .float(temperature))
            sigmoids = builder.add("Pow", sigmoids, .float(1 / temperature))
        }
        let powers = builder.add("Mul", builder.add("Exp", logarithms), sigmoids)
        let probabilities = builder.normalized(powers, columnCount: labels.count)
        let top = builder.add("ArgMax", scores, with: ["axis": .integer(1)])
        let isHidden = builder.add(
            "Not",
            builder.add(
                "Equal", builder.add("ArgMax", probabilities, with: ["axis": .integer(1)]), top))
        let isTop = builder.add("Equal", top, .integers(0..<labels.count))
        let raised = builder.add(
            "Mul", builder.add("ReduceMax", probabilities, .integers([1])), .float(1 + 0x1p-22))
        return builder.add("Where", builder.add("And", isTop, isHidden), raised, probabilities)
    }

    private func pairs(
        _ rule: PairRule, _ layer: LinearLayer, _ features: GraphValue,
        _ builder: inout GraphBuilder
    ) -> GraphValue {
        let graph = PairGraph(classCount: labels.count, layer: layer)
        guard let calibration, rule == .softVote || rule == .hardVote else {
            return tempered(graph.probabilities(rule, features, &builder), &builder)
        }
        return tempered(
            graph.odds(ofVotes: rule, features, smoothing: calibration.smoothing, &builder),
            &builder)
    }

    /// Probabilities or odds to the power of 1 over the temperature, of the greatest, and normalised.
    private func tempered(
        _ values: GraphValue, _ builder: inout GraphBuilder
    ) -> GraphValue {
        guard let calibration else { return values }
        let greatest = builder.add("ReduceMax", values, .integers([1]))
        let ratios = builder.add("Div", values, greatest)
        let powers = builder.add("Pow", ratios, .float(Float(1 / calibration.temperature)))
        return builder.normalized(powers, columnCount: labels.count)
    }

    /// The label is always the argmax of the probabilities that come out.
    private func add(
        _ outputs: [Output], _ probabilities: GraphValue, _ builder: inout GraphBuilder
    ) {
        // NaN is nowhere any more: where it can arise it is replaced.
        let index = builder.add(
            "ArgMax", probabilities, with: ["axis": .integer(1), "keepdims": .integer(0)])
        for output in outputs {
            switch output {
            case .label:
                let (names, type): (GraphTensor.Content, ValueType) =
                    switch labels {
                    case .integers(let values): (.integers(values), .integer)
                    case .texts(let values): (.texts(values), .text)
                    }
                let table = builder.constant(GraphTensor([labels.count], names))
                builder.output(
                    builder.add("Gather", table, index), named: output.rawValue, type)
            case .labelIndex: builder.output(index, named: output.rawValue, .integer)
            case .probabilities:
                builder.output(
                    probabilities, named: output.rawValue, .float, rowShape: [labels.count])
            case .score:
                let axes = builder.constant(.integers([1]))
                builder.output(
                    builder.add("ReduceMax", probabilities, axes, with: ["keepdims": .integer(0)]),
                    named: output.rawValue, .float)
            }
        }
    }
}
