import Decoding
import Heads
import LogitKernels
import Numerics

/// Numbers for tests: uniform in [-1, 1), a function of seed and position.
func randomValues(_ count: Int, seed: UInt64) -> [Float] {
    (0..<count).map { index in
        let word = Philox.block(
            seed: seed, purpose: .subsample, UInt32(index), 0, 0, index: 0
        ).x
        return 2 * Philox.uniform(word) - 1
    }
}

func randomMatrix(_ rowCount: Int, _ columnCount: Int, seed: UInt64) -> Matrix {
    Matrix(
        rowCount: rowCount, columnCount: columnCount,
        values: randomValues(rowCount * columnCount, seed: seed))
}

/// The head over `classes` made of those rows of a layer over all classes.
func derivedHead(_ layer: Head, _ classes: ClassSet) -> Head {
    let positions = classes.members
    return Head(
        classes: classes,
        weights: Matrix(
            rowCount: positions.count, columnCount: layer.weights.columnCount,
            values: positions.flatMap { Array(layer.weights.row($0)) }),
        biases: positions.map { layer.biases[$0] })
}

/// The head of a class against the rest whose score is the class's logit in a layer over all classes.
func derivedRest(_ layer: Head, _ own: Int) -> Head {
    let (weights, bias) = (Array(layer.weights.row(own)), layer.biases[own])
    let none = [Float](repeating: 0, count: weights.count)
    return Head(
        key: .rest(own, of: layer.classes),
        weights: Matrix(
            rowCount: 2, columnCount: weights.count,
            values: own == 0 ? weights + none : none + weights),
        biases: own == 0 ? [bias, 0] : [0, bias])
}

/// A random layer over classes below `classCount`.
func randomLayer(classCount: Int, featureCount: Int, seed: UInt64) -> Head {
    Head(
        classes: .all(classCount),
        weights: randomMatrix(classCount, featureCount, seed: seed),
        biases: randomValues(classCount, seed: seed + 1))
}

/// Independent random heads over all subsets of two or more.
func randomHeads(classCount: Int, featureCount: Int, seed: UInt64) -> [Head] {
    HeadPlan(.subsets, classCount: classCount).heads.enumerated().map { position, spec in
        let size = spec.classes.count
        let start = seed + 1000 * UInt64(position)
        return Head(
            classes: spec.classes, weights: randomMatrix(size, featureCount, seed: start),
            biases: randomValues(size, seed: start + 1))
    }
}

/// Independent random heads of each class against the rest.
func randomRests(classCount: Int, featureCount: Int, seed: UInt64) -> [Head] {
    (0..<classCount).map { own in
        let start = seed + 1000 * UInt64(own)
        return Head(
            key: .rest(own, of: .all(classCount)),
            weights: randomMatrix(2, featureCount, seed: start),
            biases: randomValues(2, seed: start + 1))
    }
}

/// A head of a class against the rest whose logits are these whatever the row.
func constantRest(_ own: Int, of classCount: Int, _ logit: Float, _ rest: Float) -> Head {
    Head(
        key: .rest(own, of: .all(classCount)), weights: Matrix(rowCount: 2, columnCount: 1),
        biases: own == 0 ? [logit, rest] : [rest, logit])
}

/// A head that answers the same logits whatever the row.
func constantHead(_ classes: [Int], _ logits: [Float]) -> Head {
    Head(
        classes: ClassSet(classes), weights: Matrix(rowCount: classes.count, columnCount: 1),
        biases: logits)
}

extension HeadBank {
    /// A decoder of one scheme over classes, asking these heads; one-vs-all asks the one over all.
    func decoder(
        _ schemes: Scheme..., classes: ClassSet, _ features: Matrix
    ) throws -> SchemeDecoder {
        try SchemeDecoder(schemes, classes: classes, heads: HeadLogits(self, features))
    }

    /// What one scheme believes.
    func probabilities(
        _ scheme: Scheme, classes: ClassSet, _ features: Matrix, rows: Range<Int>? = nil
    ) throws -> ClassProbabilities {
        try decoder(scheme, classes: classes, features).probabilities(rows: rows)[0]
    }

    /// What one scheme predicts.
    func predictions(
        _ scheme: Scheme, classes: ClassSet, _ features: Matrix, rows: Range<Int>? = nil
    ) throws -> [Int] {
        try probabilities(scheme, classes: classes, features, rows: rows).predictions
    }

    /// What elimination by a policy says and asks.
    func eliminate(
        classes: ClassSet, _ features: Matrix, rows: Range<Int>? = nil,
        policy: EliminationPolicy = .lowest(1)
    ) throws -> EliminationOutcome {
        try decoder(classes: classes, features).eliminate(rows: rows, policy: policy)
    }
}

extension Head {
    /// One-vs-all by this head alone.
    func probabilities(_ features: Matrix) throws -> ClassProbabilities {
        try HeadBank([self]).probabilities(.oneVsAll, classes: classes, features)
    }

    /// What one-vs-all by this head alone predicts.
    func predictions(_ features: Matrix) throws -> [Int] {
        try probabilities(features).predictions
    }
}

extension Scheme {
    /// Those that ask pairs.
    static let overPairs = allCases.filter { $0.asks == .pairs }
}
