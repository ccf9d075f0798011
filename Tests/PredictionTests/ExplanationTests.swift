import Decoding
import FeatureSource
import Formats
import Heads
import Model
import Numerics
import Prediction
import Testing

// Goal: an explanation says by which numbers a row is predicted. Method: heads that answer the same
// whatever the row, whose answers a person can follow; and heads of random numbers, whose explanations
// must lead to what is predicted.
@Suite struct ExplanationTests {
    private static let names = ["ant", "bee", "cow"]

    /// ant 3 : 1 bee, ant 1 : 9 cow, bee 1 : 1 cow; all three 1 : 2 : 3.
    private func model(_ calibrations: [Scheme: Calibration] = [:]) -> Model {
        func head(_ key: HeadKey, _ odds: [Float]) -> Head {
            Head(
                key: key, weights: Matrix(rowCount: key.outputCount, columnCount: 1),
                biases: odds.map { Float(Double.reproducibleLogarithm(Double($0))) })
        }
        func head(_ classes: [Int], _ odds: [Float]) -> Head {
            head(HeadKey(ClassSet(classes)), odds)
        }
        func rest(_ own: Int, _ odds: [Float]) -> Head { head(.rest(own, of: .all(3)), odds) }
        return Model(
            classNames: Self.names, classKeys: [0, 1, 2],
            heads: [
                head([0, 1], [3, 1]), head([0, 2], [1, 9]), head([1, 2], [1, 1]),
                head([0, 1, 2], [1, 2, 3]),
                // Sigmoids of 1/4, 1/2 and 4/5.
                rest(0, [1, 3]), rest(1, [1, 1]), rest(2, [1, 4]),
            ], backbone: nil, calibrations: calibrations)
    }

    private func explain(_ model: Model, _ scheme: Scheme) throws -> Explanation {
        let predictor = try Predictor(model, scheme: scheme, threadCount: 1)
        return try predictor.explanation(
            ofFeatures: Matrix(rowCount: 1, columnCount: 1), row: 0)
    }

    private func lines(_ scheme: Scheme) throws -> [String] {
        try explain(model(), scheme).lines(classNames: Self.names)
    }

    @Test func handMadeHeadsAreExplained() throws {
        #expect(
            try lines(.oneVsAll) == [
                "cow 0.5000, by one-vs-all", "  ahead of bee 0.3333, ant 0.1667",
                "  asked 1 head over 3 classes; its logits: cow 1.0986, bee 0.6931, ant 0.0000",
            ])
        #expect(
            try lines(.oneVsRest) == [
                "cow 0.5161, by one-vs-rest", "  ahead of bee 0.3226, ant 0.1613",
                "  asked 3 heads, each of one class against the rest; scores: cow 1.3863, bee 0.0000, ant -1.0986",
            ])
        #expect(
            try lines(.softVote) == [
                "cow 0.4667, by all-vs-all, soft vote", "  ahead of ant 0.2833, bee 0.2500",
                "  asked 3 pairs; votes, at most 2 a class: cow 1.4000, ant 0.8500, bee 0.7500",
                "  cow won 1, the closest against ant 0.9000",
                "  cow lost 1, the closest to bee 0.5000",
            ])
        #expect(
            try lines(.hardVote) == [
                "ant 0.3333, by all-vs-all, hard vote", "  ahead of bee 0.3333, cow 0.3333",
                "  asked 3 pairs; votes, at most 2 a class: ant 1.0000, bee 1.0000, cow 1.0000",
                "  ant won 1, the closest against bee 0.7500",
                "  ant lost 1, the closest to cow 0.9000",
            ])
        #expect(
            try lines(.eliminationGraph) == [
                "bee 0.4737, by DAG elimination over pairs",
                "  ahead of cow 0.4737, ant 0.0526",
                "  asked 2 pairs, first class left against last; losers leave:",
                "    cow 0.9000 beats ant", "    bee 0.5000 beats cow",
            ])
        let coupled = try lines(.pairwiseCoupling)
        #expect(coupled[0].hasPrefix("cow 0."))
        #expect(coupled[2] == "  asked 3 pairs, and coupled them")
    }

    @Test func theTreesPathIsExplained() throws {
        #expect(
            try lines(.treeElimination) == [
                "bee 0.4167, by tree elimination", "  ahead of cow 0.4167, ant 0.1667",
                "  asked 2 heads, each over the classes left:",
                "    of 3: cow 0.5000, bee 0.3333; drops ant 0.1667",
                "    of 2: bee 0.5000; drops cow 0.5000",
            ])
    }

    @Test func calibratedNumbersAreWhatIsPrinted() throws {
        let explanation = try explain(model([.oneVsAll: Calibration(temperature: 0.5)]), .oneVsAll)
        #expect(
            explanation.lines(classNames: Self.names).prefix(2) == [
                "cow 0.6429, by one-vs-all, temperature 0.5000",
                "  ahead of bee 0.2857, ant 0.0714",
            ])
    }

    @Test func theSameAsAnObject() throws {
        guard
            case .object(let object) = try explain(model(), .eliminationGraph)
                .json(labels: Self.names.map { .string($0) }),
            case .array(let path)? = object["path"], case .object(let first)? = path.first,
            case .array(let classes)? = object["classes"]
        else {
            Issue.record("no object")
            return
        }
        #expect(object["scheme"] == .string("dag"))
        #expect(object["label"] == .string("bee"))
        #expect(object["label_index"] == .integer(1))
        #expect(object["temperature"] == .null)
        #expect(classes.count == 3)
        #expect(path.count == 2)
        #expect(first["winner"] == .string("cow"))
        #expect(first["loser"] == .string("ant"))
        #expect(abs((first["probability"]?.number ?? 0) - 0.9) < 1e-6)
        guard
            case .object(let tree) = try explain(model(), .treeElimination)
                .json(labels: Self.names.map { .string($0) }),
            case .array(let steps)? = tree["steps"], case .object(let step)? = steps.first
        else {
            Issue.record("no steps")
            return
        }
        #expect(step["dropped"] == .array([.string("ant")]))
    }

    @Test func everyExplanationLeadsToThePrediction() throws {
        let (model, rows) = (randomModel(classCount: 5), noise(40, columnCount: 4, seed: 9))
        let schemes = try Predictor.schemes(of: model)
        #expect(schemes.count == 7)
        for scheme in schemes {
            let predictor = try Predictor(model, scheme: scheme, threadCount: 1)
            let probabilities = try predictor.probabilities(ofFeatures: rows)
            for row in 0..<rows.rowCount {
                let found = try predictor.explanation(ofFeatures: rows, row: row)
                #expect(found.predicted == probabilities.predictions[row])
                #expect(
                    found.choices.sorted { $0.classIndex < $1.classIndex }.map(\.probability)
                        == Array(probabilities.row(row)))
                switch found.evidence {
                case .logits(let logits), .scores(let logits):
                    #expect(logits.firstIndex(of: logits.max() ?? 0) == found.predicted)
                case .pairs(let votes, let answers):
                    #expect(answers.count == 4)
                    #expect(
                        zip(answers, answers.dropFirst()).allSatisfy {
                            $0.probability <= $1.probability
                        })
                    guard let votes else { continue }
                    #expect(abs(votes.reduce(0, +) - 10) < 1e-9)
                    let own = answers.reduce(0) {
                        let won = $1.winner == found.predicted
                        let share = scheme == .hardVote ? 1 : $1.probability
                        return $0 + (won ? share : 1 - share)
                    }
                    #expect(abs(own - votes[found.predicted]) < 1e-5)
                case .shortlist: Issue.record("five classes are no shortlist")
                case .path(let answers):
                    #expect(answers.count == 4)
                    #expect(answers.last?.winner == found.predicted)
                case .steps(let steps):
                    #expect(steps.map(\.choices.count) == [5, 4, 3, 2])
                    #expect(steps.allSatisfy { $0.droppedCount == 1 })
                    #expect(steps.last?.choices.first?.classIndex == found.predicted)
                }
                #expect(!found.lines(classNames: model.classNames).isEmpty)
            }
        }
    }

    @Test func theShortlistIsExplained() throws {
        let model = randomModel(classCount: 14, subsets: false)
        let rows = noise(30, columnCount: 4, seed: 11)
        let predictor = try Predictor(model, scheme: .shortlist, threadCount: 1)
        let oneVsAll = try Predictor(model, scheme: .oneVsAll, threadCount: 1)
            .probabilities(ofFeatures: rows)
        let probabilities = try predictor.probabilities(ofFeatures: rows)
        for row in 0..<rows.rowCount {
            let found = try predictor.explanation(ofFeatures: rows, row: row)
            #expect(found.predicted == probabilities.predictions[row])
            guard case .shortlist(let listed, let answers) = found.evidence else {
                Issue.record("no shortlist")
                return
            }
            let ordered = oneVsAll.row(row).sorted(by: >)
            #expect(listed.map(\.probability) == Array(ordered.prefix(10)))
            #expect(listed.contains { $0.classIndex == found.predicted })
            #expect(answers.count == 9)
            #expect(Set(answers.flatMap { [$0.winner, $0.loser] }).count == 10)
            let lines = found.lines(classNames: model.classNames)
            #expect(lines[3] == "  asked the 45 pairs among those listed, and coupled them")
        }
    }

    private func randomModel(classCount: Int, subsets: Bool = true) -> Model {
        let plan = HeadPlan(
            subsets ? .subsets : .pairs, classCount: classCount, withAllClasses: true)
        let rests =
            subsets ? (0..<classCount).map { HeadKey.rest($0, of: .all(classCount)) } : []
        let heads = (plan.heads + rests).map { key in
            Head(
                key: key,
                weights: noise(
                    key.outputCount, columnCount: 4,
                    seed: key.classes.members.reduce(7 + (key.own?.classIndex ?? 0)) {
                        $0 &* 31 &+ $1
                    }),
                biases: [Float](repeating: 0.1, count: key.outputCount))
        }
        return Model(
            classNames: (0..<classCount).map { "class \($0)" },
            classKeys: (0..<UInt64(classCount)).map(\.self), heads: heads, backbone: nil)
    }

    private func noise(_ rowCount: Int, columnCount: Int, seed: Int) -> Matrix {
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
        return Matrix(
            rowCount: rowCount, columnCount: columnCount,
            values: (0..<rowCount * columnCount).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Float(Int64(bitPattern: state) >> 40) / Float(1 << 22)
            })
    }
}
