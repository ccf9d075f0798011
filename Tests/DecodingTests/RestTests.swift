import Decoding
import Foundation
import Heads
import LogitKernels
import Numerics
import Testing

// Goal: one-vs-rest is what scikit-learn's OneVsRestClassifier says, whatever its scores are. Method: a
// slow second implementation in double, heads whose scores a person chose, and ties.
@Suite struct RestTests {
    /// Sigmoids made to sum to 1, by their logarithms.
    private func reference(_ scores: [Double]) -> [Double] {
        let logarithms = scores.map { min($0, 0) - log1p(exp(-abs($0))) }
        let powers = logarithms.map { exp($0 - (logarithms.max() ?? 0)) }
        return powers.map { $0 / powers.reduce(0, +) }
    }

    /// How far a head's own output is above the rest's.
    private func score(_ head: Head, _ row: ArraySlice<Float>) -> Double {
        let outputs = head.key.groups.indices.map { output in
            zip(head.weights.row(output), row).reduce(Double(head.biases[output])) {
                $0 + Double($1.0) * Double($1.1)
            }
        }
        return head.key.groups[0].count == 1 && head.classes.members[0] == head.key.own?.classIndex
            ? outputs[0] - outputs[1] : outputs[1] - outputs[0]
    }

    /// One row by heads that say the same of every row.
    private func probabilities(_ scores: [Float]) throws -> ClassProbabilities {
        let heads = scores.enumerated().map {
            constantRest($0, of: scores.count, $1 / 2, -$1 / 2)
        }
        return try HeadBank(heads).probabilities(
            .oneVsRest, classes: .all(scores.count), Matrix(rowCount: 1, columnCount: 1))
    }

    @Test(arguments: [3, 4, 17, 130], [0.1, 1, 30] as [Float])
    func isTheSlowReference(classCount: Int, scale: Float) throws {
        let heads = randomRests(classCount: classCount, featureCount: 9, seed: 40)
        var features = randomMatrix(77, 9, seed: 41)
        for index in features.values.indices { features.values[index] *= scale }
        let found = try HeadBank(heads).probabilities(
            .oneVsRest, classes: .all(classCount), features)
        for row in 0..<77 {
            let scores = heads.map { score($0, features.row(row)) }
            for (value, expected) in zip(found.row(row), reference(scores)) {
                #expect(abs(value - expected) <= 2e-5 * expected + 1e-12)
            }
            let ordered = scores.sorted(by: >)
            guard ordered[0] - ordered[1] > 1e-4 else { continue }
            #expect(found.predictions[row] == scores.firstIndex(of: ordered[0]))
        }
    }

    // Each class's own output, and not the rest's, whichever group is first.
    @Test(arguments: [3, 70, 140]) func theHighestScoreWins(classCount: Int) throws {
        for best in [0, 1, classCount / 2, classCount - 1] {
            let scores = (0..<classCount).map { Float($0 == best ? 1 : -1 - $0) }
            let found = try probabilities(scores)
            #expect(found.predictions == [best])
            for (value, expected) in zip(found.row(0), reference(scores.map { Double($0) })) {
                #expect(abs(value - expected) < 1e-6)
            }
        }
    }

    @Test func farScoresAreDecidedAndTiesGoToTheLowerClass() throws {
        for (scores, best, expected) in [
            // Sigmoids that are all 1 in any precision: the higher score wins by the last bit.
            ([1e4, 1e4 + 1, -1e4], 1, [0.5, 0.5, 0]),
            ([-1e4, 1e4, 0], 1, [0, 2.0 / 3, 1.0 / 3]),
            ([1e4, 1e4, 1e4], 0, [1.0 / 3, 1.0 / 3, 1.0 / 3]),
            // Sigmoids that are all 0: their ratios are what they are.
            ([-1e4 - 1, -1e4, -1e4 - 2], 1, reference([-1, 0, -2].map { $0 - 1e4 })),
            ([-1e4, -1e4, -2e4], 0, [0.5, 0.5, 0]),
            ([-200, -1, -200], 1, [0, 1, 0]),
            ([0, -.infinity, 0], 0, [0.5, 0, 0.5]),
            ([-.infinity, -.infinity, -.infinity], 0, [1.0 / 3, 1.0 / 3, 1.0 / 3]),
            ([3, .infinity, .infinity], 1, [0.322_7, 0.338_6, 0.338_6]),
            ([-0.0, 0, -1], 0, reference([0, 0, -1])),
        ] as [([Float], Int, [Double])] {
            let found = try probabilities(scores)
            #expect(found.predictions == [best], "\(scores)")
            #expect(zip(found.row(0), expected).allSatisfy { abs($0 - $1) < 1e-4 }, "\(scores)")
            for temperature in [0.01, 1, 100] {
                let fitted = found.calibrated(
                    Calibration(temperature: temperature), of: .oneVsRest)
                #expect(fitted.predictions == [best], "\(scores) \(temperature)")
                #expect(fitted.values.allSatisfy { $0.isFinite })
            }
        }
    }

    // The temperature divides the logarithms of the sigmoids, also where they are no floats.
    @Test(arguments: [1, 16, 21]) func whatIsNoFloatIsStillAProbability(rowCount: Int) throws {
        let heads = [-200, 0, -500].enumerated().map {
            constantRest($0, of: 3, Float($1), 0)
        }
        let found = try HeadBank(heads).probabilities(
            .oneVsRest, classes: .all(3), Matrix(rowCount: rowCount, columnCount: 1))
        let fitted = found.calibrated(Calibration(temperature: 100), of: .oneVsRest)
        let powers = [-2, -log(2.0) / 100, -5].map { exp($0) }
        for row in 0..<rowCount {
            for (value, power) in zip(fitted.row(row), powers) {
                #expect(abs(value - power / powers.reduce(0, +)) < 1e-8)
            }
        }
    }

    @Test func twoClassesAreTheirPair() throws {
        let pair = Head(
            classes: .all(2), weights: randomMatrix(2, 5, seed: 3),
            biases: randomValues(2, seed: 4))
        var features = randomMatrix(80, 5, seed: 5)
        for feature in 0..<5 { features[7, feature] = 0 }
        #expect(HeadKey.rest(1, of: .all(2)) == pair.key)
        let bank = try HeadBank([pair])
        let found = try bank.probabilities(.oneVsRest, classes: .all(2), features)
        let whole = try bank.probabilities(.oneVsAll, classes: .all(2), features)
        #expect(found.predictions == whole.predictions)
        #expect(zip(found.values, whole.values).allSatisfy { abs($0 - $1) < 1e-6 })
        let tie = try HeadBank([constantHead([0, 1], [3, 3])])
        #expect(
            try tie.predictions(
                .oneVsRest, classes: .all(2), Matrix(rowCount: 2, columnCount: 1)) == [0, 0])
    }

    @Test func aRowThatIsNoNumberIsATieAndAHeadThatIsNoneNeverWins() throws {
        let heads = [
            constantRest(0, of: 3, .nan, 0), constantRest(1, of: 3, -9, 0),
            constantRest(2, of: 3, .infinity, .infinity),
        ]
        let rows = Matrix(rowCount: 2, columnCount: 1, values: [0, .nan])
        let found = try HeadBank(heads).probabilities(.oneVsRest, classes: .all(3), rows)
        #expect(found.predictions == [2, 0])
        #expect(found.row(0)[0] == 0)
        #expect(found.row(1).allSatisfy { abs($0 - 1.0 / 3) < 1e-12 })
    }

    @Test func aMissingHeadIsNamed() throws {
        let heads = randomRests(classCount: 60, featureCount: 2, seed: 1)
        let bank = try HeadBank(heads.filter { $0.key.own?.classIndex != 41 })
        let error = #expect(throws: DecodingError.self) {
            try bank.predictions(
                .oneVsRest, classes: .all(60), Matrix(rowCount: 1, columnCount: 2))
        }
        #expect(error?.code == .missingHead)
        #expect(
            error?.message
                == "no head of class 41 against the rest; train it, or choose a scheme without it")
        let duplicate = #expect(throws: DecodingError.self) { try HeadBank(heads + [heads[3]]) }
        #expect(
            duplicate?.message == "two heads of class 3 against the rest; give each of them once")
    }

    // Beside pairs and a head over the same classes, which have keys of their own.
    @Test func otherHeadsOfTheSameClassesAreOthers() throws {
        let rests = randomRests(classCount: 6, featureCount: 8, seed: 50)
        let others = randomHeads(classCount: 6, featureCount: 8, seed: 500_000)
        let features = randomMatrix(150, 8, seed: 51)
        let classes = ClassSet.all(6)
        let alone = try HeadBank(rests).probabilities(.oneVsRest, classes: classes, features)
        let schemes = [Scheme.oneVsAll, .softVote, .oneVsRest, .treeElimination]
        let together = try SchemeDecoder(
            schemes, classes: classes, heads: HeadLogits(HeadBank(rests + others), features)
        ).probabilities()
        let without = try SchemeDecoder(
            schemes.filter { $0 != .oneVsRest }, classes: classes,
            heads: HeadLogits(HeadBank(others), features)
        ).probabilities()
        #expect(together[2] == alone)
        #expect([together[0], together[1], together[3]] == without)
        let decoder = try HeadBank(rests).decoder(.oneVsRest, classes: classes, features)
        #expect(decoder.logits(of: .oneVsAll, row: 0) == nil)
        for row in [0, 63, 64, 149] {
            let scores = try #require(decoder.logits(of: .oneVsRest, row: row))
            #expect(scores.firstIndex(of: scores.max() ?? 0) == alone.predictions[row])
        }
    }
}
