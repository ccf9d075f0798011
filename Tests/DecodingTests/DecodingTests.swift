import Decoding
import Foundation
import Heads
import Numerics
import Testing

@Suite struct DecodingTests {
    @Test func rowsAloneAndInRangesPredictAsInTheirBatch() throws {
        let heads =
            randomHeads(classCount: 5, featureCount: 30, seed: 1)
            + randomRests(classCount: 5, featureCount: 30, seed: 90_000)
        let bank = try HeadBank(heads)
        let features = randomMatrix(203, 30, seed: 2)
        func predict(
            _ scheme: Scheme, _ features: Matrix, _ rows: Range<Int>?
        ) throws -> [Int] {
            try bank.predictions(scheme, classes: .all(5), features, rows: rows)
        }
        for scheme in Scheme.allCases {
            let whole = try predict(scheme, features, nil)
            #expect(whole.count == 203)
            for row in 0..<203 {
                let alone = Matrix(
                    rowCount: 1, columnCount: 30, values: Array(features.row(row)))
                #expect(try predict(scheme, alone, nil) == [whole[row]])
            }
            for rows in [0..<0, 0..<1, 5..<70, 63..<64, 64..<203, 203..<203] {
                #expect(try predict(scheme, features, rows) == Array(whole[rows]))
            }
        }
    }

    // Softmax of the first head gives class 0 all but everything: classes 1 and 2 both underflow
    // to 0, and a tie there would drop class 2, which the pair head then prefers.
    @Test func underflowDoesNotReviveADroppedClass() throws {
        let heads = [
            constantHead([0, 1, 2], [500, -400, -300]), constantHead([0, 1], [0, 9]),
            constantHead([0, 2], [0, 1]), constantHead([1, 2], [0, 0]),
        ]
        let bank = try HeadBank(heads)
        let row = Matrix(rowCount: 1, columnCount: 1)
        #expect(try bank.predictions(.treeElimination, classes: .all(3), row) == [2])
        // However much a later head would like class 1, nobody asks it.
        let infinite = try HeadBank(
            [
                constantHead([0, 1, 2], [0, -.infinity, 5]), constantHead([0, 2], [-1e30, -2e30]),
            ])
        #expect(try infinite.predictions(.treeElimination, classes: .all(3), row) == [0])
    }

    @Test func notANumberNeverWins() throws {
        let row = Matrix(rowCount: 2, columnCount: 1, values: [0, .nan])
        let heads = [
            constantHead([0, 1, 2], [.nan, 1, 2]), constantHead([0, 1], [.nan, 0]),
            constantHead([0, 2], [.nan, 0]), constantHead([1, 2], [.infinity, .infinity]),
        ]
        let bank = try HeadBank(heads)
        #expect(try heads[0].predictions(row) == [2, 0])
        #expect(try bank.predictions(.softVote, classes: .all(3), row) == [1, 0])
        #expect(try bank.predictions(.treeElimination, classes: .all(3), row) == [1, 0])
    }

    @Test func missingHeadsAreNamed() throws {
        let row = Matrix(rowCount: 1, columnCount: 1)
        let bank = try HeadBank([
            constantHead([0, 1, 2], [0, 1, 2]), constantHead([1, 2], [0, 1]),
        ])
        #expect(bank.featureCount == 1)
        #expect(bank.contains(ClassSet([2, 1])))
        #expect(try bank.predictions(.treeElimination, classes: .all(3), row) == [2])
        let error = #expect(throws: DecodingError.self) {
            try bank.predictions(.softVote, classes: .all(3), row)
        }
        #expect(error?.code == .missingHead)
        #expect(
            error?.message
                == "no head over classes {0,1}; train it, or choose a scheme without it")
        let unreached = try HeadBank([constantHead([0, 1, 2], [0, 1, 2])])
        #expect(throws: DecodingError.self) {
            try unreached.predictions(.treeElimination, classes: .all(3), row)
        }
    }

    @Test func mismatchesAreRefused() throws {
        let row = Matrix(rowCount: 1, columnCount: 2)
        let narrow = Matrix(rowCount: 1, columnCount: 1)
        let head = constantHead([0, 1], [0, 1])
        let bank = try HeadBank([head])
        func code(_ body: () throws -> [Int]) -> DecodingError.Code? {
            #expect(throws: DecodingError.self) { try body() }?.code
        }
        #expect(code { try head.predictions(row) } == .widthMismatch)
        #expect(
            code { try bank.predictions(.softVote, classes: .all(2), row) }
                == .widthMismatch)
        #expect(
            code { try bank.predictions(.treeElimination, classes: .all(2), row) }
                == .widthMismatch)
        #expect(
            code { try bank.predictions(.softVote, classes: .all(1), narrow) } == .noClasses)
        #expect(
            code { try bank.predictions(.treeElimination, classes: .all(0), narrow) }
                == .noClasses)
        let duplicate = #expect(throws: DecodingError.self) { try HeadBank([head, head]) }
        #expect(duplicate?.code == .duplicateHead)
        let wide = Head(
            classes: ClassSet([0, 2]), weights: Matrix(rowCount: 2, columnCount: 2), biases: [0, 0])
        let unequal = #expect(throws: DecodingError.self) { try HeadBank([head, wide]) }
        #expect(unequal?.code == .widthMismatch)
    }

    // Every 997th float of the domain, plus its ends, against the C library in double precision.
    @Test func exponentialIsWithinTwoUnitsInTheLastPlace() {
        var worst = 0.0
        var bits = Float(0).bitPattern
        while Float(bitPattern: bits) <= 87 {
            let x = -Float(bitPattern: bits)
            let exact = exp(Double(x))
            let unit = Double(Float(exact).ulp)
            worst = max(worst, abs(Double(Float.reproducibleExponential(x)) - exact) / unit)
            bits += 997
        }
        #expect(worst < 2)
        #expect(Float.reproducibleExponential(0) == 1)
        #expect(Float.reproducibleExponential(-87) > 0)
        #expect(Float.reproducibleExponential(-87.5) == 0)
        #expect(Float.reproducibleExponential(-.infinity) == 0)
        #expect(Float.reproducibleExponential(.nan) == 0)
    }

    // From Python, every operation rounded to 32 bits: the same on every CPU and compiler.
    @Test func exponentialHasTheSameBitsEverywhere() {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for step in 0...8_700 {
            let power = Float.reproducibleExponential(-Float(step) / 100)
            hash = (hash ^ UInt64(power.bitPattern)) &* 0x100_0000_01B3
        }
        #expect(hash == 6_203_822_349_999_245_952)
    }

    @Test func countsConfusion() throws {
        let evaluation = try Evaluation(
            predictions: [0, 1, 1, 2, 0], labels: [0, 1, 2, 2, 1], classCount: 3)
        #expect(evaluation.confusion == [1, 0, 0, 1, 1, 0, 0, 1, 1])
        #expect(evaluation.count(label: 2, prediction: 1) == 1)
        #expect(evaluation.correctCount == 3)
        #expect(evaluation.totalCount == 5)
        #expect(evaluation.accuracy == 0.6)
        #expect(try Evaluation(predictions: [], labels: [], classCount: 3).accuracy == 0)
        for (predictions, labels) in [([0], []), ([3], [0]), ([0], [-1])] as [([Int], [Int])] {
            #expect(throws: DecodingError.self) {
                try Evaluation(predictions: predictions, labels: labels, classCount: 3)
            }
        }
    }

    @Test func costsOfTenClassesAreTheKnownOnes() {
        #expect(Scheme.softVote.cost(classCount: 10, featureCount: 256).parameterCount == 23_130)
        let tree = Scheme.treeElimination.cost(classCount: 10, featureCount: 256)
        #expect(tree.parameterCount == 1_313_270)
        #expect(tree.headCount == 1_013)
        #expect(tree.headsPerPrediction == 9)
        let graph = Scheme.eliminationGraph.cost(classCount: 10, featureCount: 256)
        #expect(graph.headCount == 45)
        #expect(graph.headsPerPrediction == 9)
        #expect(graph.flopsPerPrediction == 9 * 4 * 256)
    }

    @Test(arguments: [2, 3, 5, 10, 15])
    func costsAreThoseOfThePlan(classCount: Int) {
        for scheme in Scheme.allCases {
            let plan: [HeadKey]
            switch scheme.asks {
            case .output, .allClasses:
                plan = [HeadKey(.all(classCount))]
            case .pairs: plan = HeadPlan(.pairs, classCount: classCount).heads
            case .outputAndPairs:
                plan =
                    [HeadKey(.all(classCount))] + HeadPlan(.pairs, classCount: classCount).heads
            case .subsets: plan = HeadPlan(.subsets, classCount: classCount).heads
            case .rest:
                // Of two classes both are one head.
                plan = Array(
                    Set((0..<classCount).map { HeadKey.rest($0, of: .all(classCount)) })
                ).sorted()
            }
            let cost = scheme.cost(classCount: classCount, featureCount: 256)
            #expect(cost.headCount == plan.count)
            #expect(cost.parameterCount == plan.reduce(0) { $0 + $1.outputCount * 257 })
            #expect(cost.byteCount == cost.parameterCount * 4)
            var asked = plan.map(\.outputCount)
            if scheme == .treeElimination { asked = Array(2...classCount) }
            if scheme == .shortlist { asked = Array(asked.prefix(1 + min(asked.count - 1, 45))) }
            if scheme == .eliminationGraph { asked = Array(asked.prefix(classCount - 1)) }
            #expect(cost.headsPerPrediction == asked.count)
            #expect(cost.flopsPerPrediction == asked.reduce(0) { $0 + 2 * 256 * $1 })
        }
    }
}
