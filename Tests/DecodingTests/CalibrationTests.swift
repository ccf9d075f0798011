import Decoding
import Heads
import Numerics
import Testing

// Goal: a calibration changes no prediction and does not make the rows that it is fitted to less
// likely, for every scheme. Method: heads that know a layer whose softmax the labels are drawn from,
// and ties; example values of scipy's minimize_scalar.
@Suite struct CalibrationTests {
    private static let classCount = 5
    private static let classes = ClassSet.all(classCount)

    /// Heads of a noisy copy of a layer, sharper than it, and labels drawn from the layer's softmax.
    private func sample(
        rowCount: Int, seed: UInt64, ties: Bool = false
    ) throws -> (bank: HeadBank, features: Matrix, labels: [Int]) {
        let layer = randomLayer(classCount: Self.classCount, featureCount: 6, seed: seed)
        let features = randomMatrix(rowCount, 6, seed: seed + 2)
        let truth = try layer.probabilities(features)
        let draws = randomValues(rowCount, seed: seed + 3)
        let labels = (0..<rowCount).map { row in
            var rest = Double(draws[row] + 1) / 2
            return truth.row(row).enumerated().first {
                rest -= $1
                return rest < 0
            }?.offset ?? 0
        }
        let rests = Self.classes.members.map { HeadKey.rest($0, of: Self.classes) }
        let keys = HeadPlan(.subsets, classCount: Self.classCount).heads + rests
        let heads = keys.enumerated().map { (index, key) -> Head in
            let head =
                key.own.map { derivedRest(layer, $0.classIndex) } ?? derivedHead(layer, key.classes)
            let noise = randomValues(head.weights.values.count, seed: seed + 10 + UInt64(index))
            return Head(
                key: key,
                weights: Matrix(
                    rowCount: key.outputCount, columnCount: 6,
                    values: zip(head.weights.values, noise).map {
                        ties ? (2 * ($0 + 0.2 * $1)).rounded() : 3 * $0 + 0.5 * $1
                    }),
                biases: head.biases.map { ties ? $0.rounded() : 3 * $0 })
        }
        var asked = features
        if ties { asked.values = asked.values.map { $0.rounded() } }
        return (try HeadBank(heads), asked, labels)
    }

    private func loss(_ probabilities: ClassProbabilities, _ labels: [Int]) throws -> Double {
        try ProbabilityMetrics(probabilities, labels: labels, classCount: Self.classCount)
            .negativeLogLikelihood
    }

    @Test(arguments: Scheme.allCases, [false, true])
    func keepsThePredictionsAndLowersTheLoss(scheme: Scheme, ties: Bool) throws {
        for seed in [10, 2_000, 50_000] as [UInt64] {
            let (bank, features, labels) = try sample(rowCount: 600, seed: seed, ties: ties)
            let plain = try bank.probabilities(scheme, classes: Self.classes, features)
            let calibration = try #require(Calibration.fit(plain, of: scheme, labels: labels))
            #expect(calibration.temperature != 1)
            let fitted = plain.calibrated(calibration, of: scheme)
            #expect(fitted.predictions == plain.predictions)
            #expect(try loss(fitted, labels) < loss(plain, labels), "\(scheme) \(seed)")
            // No temperature beside it is better.
            for factor in [0.9, 0.99, 1.01, 1.1] {
                let other = Calibration(temperature: calibration.temperature * factor)
                #expect(
                    try loss(plain.calibrated(other, of: scheme), labels)
                        >= loss(fitted, labels) - 1e-12, "\(scheme) \(seed) \(factor)")
            }
            for row in 0..<fitted.rowCount {
                #expect(abs(fitted.row(row).reduce(0, +) - 1) < 1e-12)
                // The order of all classes stays, not only the first.
                let order = plain.row(row).indices.sorted {
                    plain.row(row)[$0] < plain.row(row)[$1]
                }
                #expect(
                    zip(order, order.dropFirst()).allSatisfy {
                        fitted.row(row)[$0] <= fitted.row(row)[$1] * (1 + 1e-12)
                    })
            }
        }
    }

    private func probabilities(_ rows: [[Double]]) -> ClassProbabilities {
        ClassProbabilities(
            classes: .all(rows[0].count), rowCount: rows.count, values: rows.flatMap(\.self))
    }

    /// Votes of all pairs of four classes as shares.
    private func shares(_ votes: [[Double]]) -> ClassProbabilities {
        probabilities(votes.map { row in row.map { $0 / 6 } })
    }

    @Test func findsTheTemperaturesThatScipyFinds() throws {
        // minimize_scalar over the logarithm of the temperature, scipy 1.17.1.
        let softmax = probabilities([
            [0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.05, 0.9, 0.05], [0.5, 0.25, 0.25],
            [0.2, 0.2, 0.6], [0.1, 0.8, 0.1], [0.34, 0.33, 0.33],
            // Its true class is impossible, at any temperature.
            [1, 0, 0],
        ])
        let labels = [0, 1, 1, 0, 2, 0, 2, 1]
        let ofSoftmax = try #require(Calibration.fit(softmax, of: .oneVsAll, labels: labels))
        #expect(abs(ofSoftmax.temperature - 1.185_847_76) < 1e-7)
        let fitted = softmax.calibrated(ofSoftmax, of: .oneVsAll)
        let metrics = try ProbabilityMetrics(fitted, labels: labels, classCount: 3)
        #expect(abs(metrics.negativeLogLikelihood - 5.285_969_195_8) < 1e-9)
        #expect(fitted.row(7) == [1, 0, 0])

        let counts = shares([
            [3, 2, 1, 0], [3, 1, 1, 1], [2, 2, 2, 0], [0, 3, 2, 1], [1, 0, 3, 2], [2, 2, 1, 1],
        ])
        let ofCounts = try #require(
            Calibration.fit(counts, of: .hardVote, labels: [0, 1, 2, 1, 2, 0]))
        #expect(abs(ofCounts.temperature - 1.057_624_95) < 1e-7)
        let votes = shares([
            [2.9, 1.6, 1.1, 0.4], [2.2, 2, 1.4, 0.4], [0.3, 2.7, 1.8, 1.2], [1, 0.2, 2.75, 2.05],
            [1.5, 1.5, 1.5, 1.5],
        ])
        let ofVotes = try #require(Calibration.fit(votes, of: .softVote, labels: [0, 1, 1, 2, 3]))
        #expect(abs(ofVotes.temperature - 0.640_513_19) < 1e-7)
    }

    @Test func votesOfNoneAndOfAllHaveOddsAndTiesStay() {
        let votes = shares([[3, 1.5, 1.5, 0], [2, 2, 2, 0]])
        for scheme in [Scheme.softVote, .hardVote] {
            for temperature in [0.001, 1, 1_000] {
                let fitted = votes.calibrated(Calibration(temperature: temperature), of: scheme)
                #expect(fitted.values.allSatisfy { $0.isFinite && $0 >= 0 })
                #expect(fitted.predictions == [0, 0])
                #expect(fitted.row(0)[1] == fitted.row(0)[2])
                #expect(fitted.row(1)[4] == fitted.row(1)[6])
            }
        }
        // 7 : 1 : 1 : 1/7.
        let odds = votes.calibrated(Calibration(temperature: 1), of: .hardVote)
        for (value, expected) in zip(odds.row(0), [49.0 / 64, 7.0 / 64, 7.0 / 64, 1.0 / 64]) {
            #expect(abs(value - expected) < 1e-15)
        }
    }

    /// Logits hundreds apart, as unscaled features give them: a temperature brings all classes back.
    @Test(arguments: [1, 16, 21]) func whatIsNoFloatIsStillAProbability(rowCount: Int) throws {
        let head = Head(
            classes: .all(3), weights: Matrix(rowCount: 3, columnCount: 1),
            biases: [-200, 0, -500])
        let plain = try HeadBank([head]).probabilities(
            .oneVsAllRefit, classes: .all(3), Matrix(rowCount: rowCount, columnCount: 1))
        let fitted = plain.calibrated(Calibration(temperature: 100), of: .oneVsAllRefit)
        let powers = [-2.0, 0, -5].map(Double.reproducibleExponential)
        for row in 0..<rowCount {
            for (value, power) in zip(fitted.row(row), powers) {
                #expect(abs(value - power / powers.reduce(0, +)) < 1e-12)
            }
        }
    }

    @Test func rowsThatSayNothingAreLeftOut() throws {
        let rows = probabilities([[0.7, 0.3], [0.4, 0.6], [0.8, 0.2]])
        #expect(Calibration.fit(rows, of: .oneVsAll, labels: [-1, 2, 9]) == nil)
        #expect(Calibration.fit(probabilities([[0.5, 0.5]]), of: .oneVsAll, labels: [0]) != nil)
        let all = try #require(Calibration.fit(rows, of: .oneVsAll, labels: [1, 1, 9]))
        let two = try #require(
            Calibration.fit(
                probabilities([[0.7, 0.3], [0.4, 0.6]]), of: .oneVsAll, labels: [1, 1]))
        #expect(all == two)
        // Nothing but right rows: as if one like the middle one were wrong (scipy's value again), so
        // that no number of rows makes a model certain; nothing but wrong ones: as flat as may be.
        let right = try #require(Calibration.fit(rows, of: .oneVsAll, labels: [0, 1, 0]))
        #expect(abs(right.temperature - 0.860_306_01) < 1e-7)
        let many = probabilities([[Double]](repeating: [0.99, 0.01], count: 1_000))
        let sure = try #require(
            Calibration.fit(many, of: .oneVsAll, labels: [Int](repeating: 0, count: 1_000)))
        #expect(abs(many.calibrated(sure, of: .oneVsAll).row(0)[0] - 1_000.0 / 1_001) < 1e-7)
        let wrong = try #require(Calibration.fit(rows, of: .oneVsAll, labels: [1, 0, 1]))
        #expect(wrong.temperature > 999 && wrong.temperature < 1_001)
    }

    @Test func manyRowsAreThinnedWithinTheirClasses() throws {
        let (bank, features, labels) = try sample(rowCount: 4_000, seed: 77)
        let plain = try bank.probabilities(.softVote, classes: Self.classes, features)
        let whole = try #require(Calibration.fit(plain, of: .softVote, labels: labels))
        func fit(_ blocks: [Range<Int>]) -> Calibration? {
            var fit = CalibrationFit(
                of: .softVote, classes: Self.classes, labels: labels, valueCountMax: 5_000)
            for rows in blocks {
                fit.add(
                    ClassProbabilities(
                        classes: Self.classes, rowCount: rows.count,
                        values: rows.flatMap { Array(plain.row($0)) }),
                    rows: rows)
            }
            return fit.calibration
        }
        let thinned = try #require(fit([0..<4_000]))
        #expect(thinned == fit([3_000..<4_000, 0..<1, 1..<3_000]))
        #expect(thinned != whole)
        #expect(abs(thinned.temperature / whole.temperature - 1) < 0.15)
        for (few, all) in zip(thinned.confidenceQuantiles, whole.confidenceQuantiles) {
            #expect(abs(few - all) < 0.15)
        }
    }

    @Test(arguments: Scheme.overPairs)
    func rejectsNoMoreValidationRowsThanAsked(scheme: Scheme) throws {
        for rowCount in [1, 7, 200, 201, 555] {
            let (bank, features, labels) = try sample(rowCount: rowCount, seed: 5)
            let plain = try bank.probabilities(scheme, classes: Self.classes, features)
            let calibration = try #require(Calibration.fit(plain, of: scheme, labels: labels))
            #expect(calibration.confidenceQuantiles.count == 201)
            let fitted = plain.calibrated(calibration, of: scheme)
            let tops = (0..<rowCount).map { fitted.row($0).max() ?? 0 }
            #expect(calibration.threshold(rejecting: 0) == tops.min())
            #expect(calibration.threshold(rejecting: 1) == tops.max())
            for share in [0, 0.01, 0.02, 0.05, 0.07, 0.1, 0.29, 0.5, 0.999] {
                let threshold = try #require(calibration.threshold(rejecting: share))
                let rejected = tops.count { $0 < threshold }
                #expect(Double(rejected) <= share * Double(rowCount))
                // Votes tie often; else no fewer than the step of the quantiles allows.
                if scheme == .softVote {
                    #expect(Double(rejected) >= (share - 0.005) * Double(rowCount) - 2)
                }
            }
        }
        #expect(Calibration(temperature: 1).threshold(rejecting: 0.1) == nil)
        let one = Calibration(temperature: 1, confidenceQuantiles: [0.25])
        #expect(one.threshold(rejecting: 0.3) == 0.25)
        for share in [-0.1, 1.1, .nan] { #expect(one.threshold(rejecting: share) == nil) }
    }
}
