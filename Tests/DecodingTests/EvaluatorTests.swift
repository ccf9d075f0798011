import Decoding
import Heads
import LogitKernels
import Numerics
import Testing

// Goal: an evaluation is that of all probabilities at once, however rows are cut and split.
@Suite struct EvaluatorTests {
    private static let features = randomMatrix(333, 12, seed: 600)
    private static let labels = (0..<333).map { ($0 * 5) % 7 }
    private let bank: HeadBank
    private let output: Head

    init() throws {
        bank = try HeadBank(
            randomHeads(classCount: 7, featureCount: 12, seed: 601)
                + randomRests(classCount: 7, featureCount: 12, seed: 700_601))
        output = randomLayer(classCount: 7, featureCount: 12, seed: 602)
    }

    private func decoder(_ schemes: [Scheme] = Scheme.allCases) throws -> SchemeDecoder {
        try SchemeDecoder(
            schemes, classes: .all(7), heads: HeadLogits(bank, Self.features),
            output: HeadLogits(HeadBank([output]), Self.features))
    }

    private func evaluator(_ schemes: [Scheme] = Scheme.allCases) throws -> Evaluator {
        try Evaluator(decoder(schemes), labels: Self.labels, classCount: 7)
    }

    @Test func resultsAreTheMetricsOfTheProbabilities() throws {
        let results = try evaluator().results()
        #expect(results.map(\.scheme) == Scheme.allCases)
        for (result, probabilities) in zip(results, try decoder().probabilities()) {
            let metrics = try ProbabilityMetrics(
                probabilities, labels: Self.labels, classCount: 7)
            #expect(result.metrics == metrics, "\(result.scheme)")
            #expect(metrics.evaluation.predictions == probabilities.predictions)
            #expect(
                result.confidences == (0..<333).map { probabilities.row($0).max() },
                "\(result.scheme)")
        }
        // One-vs-all asks the backbone, its refit the heads.
        #expect(
            results[0].metrics.evaluation.predictions == (try output.predictions(Self.features)))
        #expect(
            results[2].metrics.evaluation.predictions
                == (try bank.head(over: .all(7)).predictions(Self.features)))
        #expect(results[0].metrics != results[2].metrics)
    }

    @Test func calibrationsChangeProbabilitiesAndNoPrediction() throws {
        let calibrations: [Scheme: Calibration] = [
            .softVote: Calibration(temperature: 0.3), .oneVsAll: Calibration(temperature: 2),
            .treeElimination: Calibration(temperature: 1.5),
        ]
        let evaluator = try Evaluator(
            decoder(), labels: Self.labels, classCount: 7, calibrations: calibrations)
        let plain = try self.evaluator().results()
        let results = try evaluator.results()
        for (result, probabilities) in zip(results, try decoder().probabilities()) {
            let before = try #require(plain.first { $0.scheme == result.scheme })
            guard let calibration = calibrations[result.scheme] else {
                #expect(result == before)
                continue
            }
            #expect(result.uncalibrated == before.metrics)
            let calibrated = probabilities.calibrated(calibration, of: result.scheme)
            #expect(
                try result.metrics
                    == ProbabilityMetrics(calibrated, labels: Self.labels, classCount: 7))
            #expect(result.metrics != before.metrics)
            #expect(
                result.metrics.evaluation.predictions == before.metrics.evaluation.predictions)
        }
        let parts = try [0..<100, 100..<333].map { try evaluator.scores(of: $0) }
        #expect(try evaluator.results(parts) == results)
        // Dropping one class a step is the tree.
        let tree = try #require(results.first { $0.scheme == .treeElimination })
        #expect(try evaluator.result(of: .lowest(1)).metrics == tree.metrics)
    }

    // To the last bit: sums run over rows, not over parts.
    @Test func partsDoNotChangeResults() throws {
        let evaluator = try evaluator()
        let whole = try evaluator.results()
        for cuts in [[0, 333], [0, 1, 333], [0, 64, 128, 333], [0, 100, 100, 201, 332, 333]] {
            let parts = try zip(cuts, cuts.dropFirst()).map { try evaluator.scores(of: $0..<$1) }
            #expect(try evaluator.results(parts) == whole)
        }
        let some = try evaluator.scores(of: 0..<332)
        let error = #expect(throws: DecodingError.self) { try evaluator.results([some]) }
        #expect(error?.code == .labelMismatch)
    }

    @Test func aSchemeAloneIsAsAmongTheOthers() throws {
        let together = try evaluator().results()
        for (scheme, result) in zip(Scheme.allCases, together) {
            #expect(try evaluator([scheme]).results() == [result], "\(scheme)")
        }
    }

    @Test func withoutABackboneOneVsAllIsTheHeadOverAllClasses() throws {
        let heads = try HeadLogits(bank, Self.features)
        let decoder = try SchemeDecoder(
            [.oneVsAll, .oneVsAllRefit], classes: .all(7), heads: heads)
        let found = try decoder.probabilities()
        #expect(found[0] == found[1])
    }

    @Test func policiesAreScoredAsTheTreeIs() throws {
        let evaluator = try evaluator([.treeElimination])
        let tree = try evaluator.results()[0]
        let policy = try evaluator.result(of: .lowest(1))
        #expect(policy.metrics == tree.metrics)
        #expect(policy.headsPerRow == 6)
        #expect(policy.outputsPerRow == 27)
        #expect(policy.topNeverChangedShare < 1)
    }

    @Test func wrongLabelsAreRefused() throws {
        for labels in [[Int](), Array(Self.labels.dropLast()), Self.labels + [0]] {
            let error = #expect(throws: DecodingError.self) {
                try Evaluator(decoder(), labels: labels, classCount: 7)
            }
            #expect(error?.code == .labelMismatch)
        }
        for label in [-1, 7] {
            var labels = Self.labels
            labels[5] = label
            let error = #expect(throws: DecodingError.self) {
                try Evaluator(decoder(), labels: labels, classCount: 7).results()
            }
            #expect(error?.code == .labelMismatch)
        }
    }

    @Test func schemesAreThoseThatHeadsAllow() throws {
        func available(
            _ classCount: Int, _ keys: [HeadKey], _ hasOutput: Bool, asked: Scheme? = nil
        ) throws -> [Scheme] {
            let logits = try StoredLogits(
                keys.map { ($0, Matrix(rowCount: 1, columnCount: $0.outputCount)) })
            return SchemeDecoder.available(
                classes: .all(classCount), heads: logits, hasOutput: hasOutput, asked: asked)
        }
        let pairs = HeadPlan(.pairs, classCount: 4).heads
        let subsets = HeadPlan(.subsets, classCount: 4).heads
        let rests = (0..<4).map { HeadKey.rest($0, of: .all(4)) }
        let whole = HeadKey(.all(4))
        let all = Scheme.allCases.filter {
            ![.oneVsAllEqualSteps, .shortlist, .oneVsRest].contains($0)
        }
        #expect(try available(4, subsets, true) == all)
        #expect(try available(4, subsets, false) == all.filter { $0 != .oneVsAllRefit })
        #expect(try available(4, pairs, true) == [.oneVsAll] + Scheme.overPairs)
        #expect(try available(4, pairs, false) == Scheme.overPairs)
        // The head over all classes beside pairs is one-vs-all, no tree.
        #expect(try available(4, pairs + [whole], false) == [.oneVsAll] + Scheme.overPairs)
        #expect(try available(4, [whole], false) == [.oneVsAll])
        // One against the rest, alone and beside others, and unless one is missing.
        #expect(try available(4, rests, false) == [.oneVsRest])
        #expect(try available(4, rests + [whole], false) == [.oneVsAll, .oneVsRest])
        #expect(try available(4, rests + subsets, true) == all + [.oneVsRest])
        #expect(try available(4, Array(rests.dropLast()), false, asked: .oneVsRest) == [])
        #expect(
            try available(4, rests.map { .rest($0.own?.classIndex ?? 0, of: .all(5)) }, false) == []
        )
        // The only pair of two classes is every head there is.
        #expect(try available(2, [HeadKey(.all(2))], true) == all)
        #expect(
            try available(2, [HeadKey(.all(2))], true, asked: .oneVsRest) == all + [.oneVsRest])
        #expect(try available(1, [], true) == [])
        // A shortlist of all classes is no other scheme.
        let many = HeadPlan(.pairs, classCount: 11).heads
        #expect(try available(11, many, true) == [.oneVsAll] + Scheme.overPairs + [.shortlist])
        #expect(try available(11, many, false) == Scheme.overPairs)
        #expect(
            try available(11, many + [HeadKey(.all(11))], false)
                == [.oneVsAll] + Scheme.overPairs + [.shortlist])
    }

    @Test func topFiveCountsTheRankOfTheLabel() throws {
        let row = [0.05, 0.3, 0.05, 0.2, 0.05, 0.25, 0.05, 0.05]
        // Ranks by hand: 1, 5 and 3 lead; of the equal ones 0 and 2 come first.
        for (label, isAmong) in [true, true, true, true, false, true, false, false].enumerated() {
            let metrics = try ProbabilityMetrics(
                ClassProbabilities(classes: .all(8), rowCount: 1, values: row), labels: [label],
                classCount: 8)
            #expect(metrics.topFiveAccuracy == (isAmong ? 1 : 0), "\(label)")
        }
        let results = try evaluator([.softVote]).results()
        #expect(results[0].metrics.topFiveAccuracy > results[0].metrics.accuracy)
        #expect(results[0].metrics.topFiveAccuracy < 1)
    }
}
