import Decoding
import FeatureSource
import Heads
import Model
import Numerics
import Prediction
import Testing

@Suite struct PredictorTests {
    private static let featureCount = 5
    private static let classCount = 4

    /// Heads over all pairs, and over all classes, of numbers without a pattern.
    private func model(
        calibrations: [Scheme: Calibration] = [:], normalization: Normalization = .none,
        chosenScheme: Scheme? = nil
    ) -> Model {
        let plan = HeadPlan(.pairs, classCount: Self.classCount, withAllClasses: true)
        let heads = plan.heads.map { key in
            Head(
                key: key,
                weights: noise(
                    key.outputCount, seed: key.classes.members.reduce(7) { $0 * 31 + $1 }),
                biases: [Float](repeating: 0.1, count: key.outputCount))
        }
        return Model(
            classNames: ["a", "b", "c", "d"], classKeys: [0, 1, 2, 3], heads: heads, backbone: nil,
            normalization: normalization, calibrations: calibrations, chosenScheme: chosenScheme)
    }

    private func noise(_ rowCount: Int, seed: Int) -> Matrix {
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
        return Matrix(
            rowCount: rowCount, columnCount: Self.featureCount,
            values: (0..<rowCount * Self.featureCount).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Float(Int64(bitPattern: state) >> 40) / Float(1 << 22)
            })
    }

    @Test func aRowAlonePredictsAsInItsBatch() throws {
        let rows = noise(70, seed: 3)
        for scheme in try Predictor.schemes(of: model()) {
            let predictor = try Predictor(
                model(
                    calibrations: [scheme: Calibration(temperature: 0.3)],
                    normalization: try Normalization(.standardize, fittedTo: rows)),
                scheme: scheme, threadCount: 1)
            let all = try predictor.probabilities(.features(rows))
            for row in 0..<rows.rowCount {
                let alone = try predictor.probabilities(
                    .features(
                        Matrix(
                            rowCount: 1, columnCount: Self.featureCount,
                            values: Array(rows.row(row)))))
                #expect(alone.row(0) == all.row(row))
            }
        }
    }

    @Test(arguments: [0.01, 0.3, 1, 7, 1_000]) func aTemperatureChangesNoPrediction(
        temperature: Double
    ) throws {
        let rows = noise(200, seed: 5)
        let schemes = try Predictor.schemes(of: model())
        #expect(schemes.count >= 5)
        for scheme in schemes {
            let plain = try Predictor(model(), scheme: scheme, threadCount: 1)
                .probabilities(.features(rows))
            let calibrated = try Predictor(
                model(calibrations: [scheme: Calibration(temperature: temperature)]),
                scheme: scheme, threadCount: 1
            ).probabilities(.features(rows))
            #expect(calibrated.predictions == plain.predictions)
            for row in 0..<rows.rowCount {
                #expect(abs(calibrated.row(row).reduce(0, +) - 1) < 1e-12)
                #expect(calibrated.row(row).allSatisfy { $0 >= 0 })
            }
        }
    }

    /// Heads of each class against the rest, and others.
    private func restModel(
        classCount: Int = 4, others: [HeadKey] = [], chosenScheme: Scheme? = nil
    ) -> Model {
        let rests = Set((0..<classCount).map { HeadKey.rest($0, of: .all(classCount)) }).sorted()
        return Model(
            classNames: (0..<classCount).map { "\($0)" },
            classKeys: (0..<UInt64(classCount)).map(\.self),
            heads: (rests + others).enumerated().map { index, key in
                Head(
                    key: key, weights: noise(key.outputCount, seed: 100 + index),
                    biases: [Float](repeating: 0.1, count: key.outputCount))
            }, backbone: nil, chosenScheme: chosenScheme)
    }

    @Test func asksHeadsAgainstTheRest() throws {
        let alone = try Predictor(restModel(), threadCount: 1)
        #expect(alone.scheme == .oneVsRest)
        #expect(try Predictor.schemes(of: restModel()) == [.oneVsRest])
        let rows = InputRows.features(noise(30, seed: 9))
        let found = try alone.probabilities(rows)
        // Beside others by name, or because validation rows chose it.
        let others = HeadPlan(.pairs, classCount: 4, withAllClasses: true).heads
        let mixed = restModel(others: others)
        #expect(try Predictor(mixed, threadCount: 1).scheme == .pairwiseCoupling)
        #expect(try Predictor.schemes(of: mixed).last == .oneVsRest)
        #expect(
            try Predictor(mixed, scheme: .oneVsRest, threadCount: 1).probabilities(rows) == found)
        let chosen = restModel(others: others, chosenScheme: .oneVsRest)
        #expect(try Predictor(chosen, threadCount: 1).probabilities(rows) == found)
        // Of two classes it is their pair, by name alone.
        let two = restModel(classCount: 2)
        #expect(try !Predictor.schemes(of: two).contains(.oneVsRest))
        #expect(
            try Predictor(two, scheme: .oneVsRest, threadCount: 1).probabilities(rows).predictions
                == Predictor(two, scheme: .oneVsAll, threadCount: 1).probabilities(rows).predictions
        )
        #expect(
            try Predictor(restModel(classCount: 2, chosenScheme: .oneVsRest), threadCount: 1).scheme
                == .oneVsRest)
    }

    @Test func saysWhichHeadsThereAre() throws {
        let none = #expect(throws: PredictionError.self) {
            try Predictor(model(), scheme: .oneVsRest, threadCount: 1)
        }
        #expect(none?.fault == .request)
        #expect(
            none?.message.hasPrefix(
                "the model has no heads for --scheme one_vs_rest; it has those for one_vs_all, ")
                == true)
        let other = #expect(throws: PredictionError.self) {
            try Predictor(restModel(), scheme: .treeElimination, threadCount: 1)
        }
        #expect(
            other?.message
                == "the model has no heads for --scheme tree; it has those for one_vs_rest")
    }

    @Test func asksWhatThereIs() throws {
        #expect(try Predictor(model(), threadCount: 1).scheme == .pairwiseCoupling)
        #expect(try Predictor(model(chosenScheme: .softVote), threadCount: 1).scheme == .softVote)
        #expect(throws: PredictionError.self) {
            try Predictor(model(), scheme: .treeElimination, threadCount: 1)
        }
        let predictor = try Predictor(model(), threadCount: 1)
        #expect(throws: PredictionError.self) {
            try predictor.probabilities(.features(Matrix(rowCount: 1, columnCount: 2)))
        }
        #expect(
            try predictor.probabilities(
                .features(Matrix(rowCount: 0, columnCount: Self.featureCount))
            ).rowCount == 0)
    }
}
