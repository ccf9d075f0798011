import Decoding
import Foundation
import Heads
import LogitKernels
import Numerics
import Testing

// Goal: every scheme's prediction is the argmax of its probabilities, which are those of its
// definition. Method: random heads, ties and infinities included; heads derived from one layer, for
// which every distribution but the votes is that layer's softmax; dumb second implementations.
@Suite struct ProbabilityTests {
    /// Random heads over all subsets; with `ties`, small whole logits, so that rows tie often.
    private func bank(_ classCount: Int, seed: UInt64, ties: Bool) throws -> HeadBank {
        let heads = randomHeads(classCount: classCount, featureCount: 7, seed: seed)
        guard ties else { return try HeadBank(heads) }
        return try HeadBank(
            heads.map { head in
                Head(
                    classes: head.classes,
                    weights: Matrix(
                        rowCount: head.classes.count, columnCount: 7,
                        values: head.weights.values.map { ($0 * 1.4).rounded() }),
                    biases: head.biases.map { ($0 * 1.4).rounded() })
            })
    }

    private func features(_ rowCount: Int, seed: UInt64, ties: Bool) -> Matrix {
        var features = randomMatrix(rowCount, 7, seed: seed)
        if ties { features.values = features.values.map { ($0 * 1.2).rounded() } }
        return features
    }

    private func expectDistributions(_ probabilities: ClassProbabilities, _ predictions: [Int]) {
        #expect(probabilities.rowCount == predictions.count)
        var worst = 0.0
        for row in 0..<probabilities.rowCount {
            let values = probabilities.row(row)
            worst = max(worst, abs(values.reduce(0, +) - 1))
            #expect(values.allSatisfy { $0 >= 0 && $0 <= 1 })
            // The argmax without the code under test, ties to the lowest.
            let top = values.max() ?? .nan
            let lowest = values.firstIndex(of: top).map { $0 - values.startIndex } ?? -1
            #expect(probabilities.classes[lowest] == predictions[row])
        }
        #expect(worst < 1e-12)
        #expect(probabilities.predictions == predictions)
    }

    @Test(arguments: [2, 3, 5, 6], [false, true])
    func predictionsAreTheArgmax(classCount: Int, ties: Bool) throws {
        let classes = ClassSet.all(classCount)
        for seed in [100, 200, 300] as [UInt64] {
            let bank = try bank(classCount, seed: seed, ties: ties)
            let features = features(700, seed: seed + 1, ties: ties)
            let root = try bank.head(over: classes)
            func expect(_ scheme: Scheme, _ predict: (Int) -> Int) throws {
                expectDistributions(
                    try bank.probabilities(scheme, classes: classes, features),
                    (0..<700).map(predict))
            }
            let answers = try Answers(bank, classCount, features)
            try expect(.oneVsAllRefit, answers.highest)
            try expect(.softVote, answers.softVote)
            try expect(.hardVote, answers.mostVotes)
            try expect(.eliminationGraph, answers.survivor)
            try expect(.treeElimination, answers.lastLeft)
            #expect(try root.predictions(features) == (0..<700).map(answers.highest))
            let coupled = try bank.probabilities(.pairwiseCoupling, classes: classes, features)
            expectDistributions(coupled, coupled.predictions)
        }
    }

    /// The schemes row by row, from every head's logits.
    private struct Answers {
        private var logits: [[Int]: Matrix] = [:]
        /// By pair and row: the logit of the lower class less the other.
        private var differences: [[Int]: [Float]] = [:]
        private let all: [Int]

        init(_ bank: HeadBank, _ classCount: Int, _ features: Matrix) throws {
            all = Array(0..<classCount)
            for head in bank.heads { logits[head.classes.members] = try head.logits(features) }
            let source = try HeadLogits(bank, features)
            var room = LogitBlock.room(outputCount: 1)
            for (index, head) in bank.heads.enumerated() where head.classes.count == 2 {
                differences[head.classes.members] = (0..<Int32(features.rowCount)).map { row in
                    source.fillDifferences(&room, pairs: [index], rows: [row])
                    return room[0]
                }
            }
        }

        private func answer(_ classes: [Int], _ row: Int) -> [Float] {
            logits[classes].map { $0.row(row).map { $0.isNaN ? -.infinity : $0 } } ?? []
        }

        private func highest<Value: Comparable>(of values: [Value]) -> Int {
            values.indices.max { values[$0] < values[$1] } ?? -1
        }

        func highest(_ row: Int) -> Int { highest(of: answer(all, row)) }

        private func winner(_ first: Int, _ second: Int, _ row: Int) -> Int {
            difference(first, second, row) >= 0 ? first : second
        }

        private func difference(_ first: Int, _ second: Int, _ row: Int) -> Float {
            differences[[first, second]]?[row] ?? .nan
        }

        private func overPairs(_ body: (Int, Int) -> Void) {
            for second in all.dropFirst() { for first in 0..<second { body(first, second) } }
        }

        func softVote(_ row: Int) -> Int {
            var votes = [Int64](repeating: 0, count: all.count)
            overPairs { first, second in
                let odds = Float.reproducibleExponential(-abs(difference(first, second, row)))
                let won = winner(first, second, row)
                votes[won] += Int64(1 / (1 + odds) * 0x1p48)
                votes[first + second - won] += Int64(odds / (1 + odds) * 0x1p48)
            }
            return highest(of: votes)
        }

        func mostVotes(_ row: Int) -> Int {
            var votes = [Int](repeating: 0, count: all.count)
            overPairs { votes[winner($0, $1, row)] += 1 }
            return highest(of: votes)
        }

        func survivor(_ row: Int) -> Int {
            var list = all
            while list.count > 1 {
                let first = list[0]
                let last = list[list.count - 1]
                if winner(first, last, row) == first {
                    list.removeLast()
                } else {
                    list.removeFirst()
                }
            }
            return list[0]
        }

        func lastLeft(_ row: Int) -> Int {
            var left = all
            while left.count > 1 {
                let values = answer(left, row)
                left.remove(at: values.indices.reversed().min { values[$0] < values[$1] } ?? 0)
            }
            return left[0]
        }
    }

    @Test func derivedHeadsGiveBackTheSoftmax() throws {
        let layer = randomLayer(classCount: 6, featureCount: 20, seed: 71)
        let bank = try HeadBank(
            HeadPlan(.subsets, classCount: 6).heads.map { derivedHead(layer, $0.classes) })
        let features = randomMatrix(500, 20, seed: 72)
        let softmax = (0..<500).flatMap { row in
            let powers = (0..<6).map { position in
                exp(
                    zip(layer.weights.row(position), features.row(row)).reduce(
                        Double(layer.biases[position])
                    ) { $0 + Double($1.0) * Double($1.1) })
            }
            return powers.map { $0 / powers.reduce(0, +) }
        }
        func expectSoftmax(_ found: ClassProbabilities) {
            let worst = zip(found.values, softmax).reduce(0) { max($0, abs($1.0 - $1.1)) }
            #expect(worst < 3e-6)
        }
        expectSoftmax(try layer.probabilities(features))
        for rule in [Scheme.eliminationGraph, .pairwiseCoupling] {
            expectSoftmax(
                try bank.probabilities(rule, classes: .all(6), features))
        }
        let policies: [EliminationPolicy] = [
            .lowest(1), .lowest(2), .lowest(9), .below(0.05), .certain(margin: 0.6),
        ]
        for policy in policies {
            expectSoftmax(
                try bank.eliminate(classes: .all(6), features, policy: policy).probabilities)
        }
    }

    @Test func rowsAloneAndInRangesAreAsInTheirBatch() throws {
        let bank = try bank(5, seed: 81, ties: false)
        let features = features(150, seed: 82, ties: false)
        var schemes: [(Range<Int>?) throws -> ClassProbabilities] = Scheme.overPairs.map { rule in
            {
                try bank.probabilities(rule, classes: .all(5), features, rows: $0)
            }
        }
        schemes.append {
            try bank.probabilities(.oneVsAllRefit, classes: .all(5), features, rows: $0)
        }
        for policy in [EliminationPolicy.lowest(1), .lowest(2), .below(0.1)] {
            schemes.append {
                try bank.eliminate(classes: .all(5), features, rows: $0, policy: policy)
                    .probabilities
            }
        }
        for scheme in schemes {
            let whole = try scheme(nil)
            for rows in [0..<0, 0..<1, 5..<70, 63..<64, 64..<150] {
                let part = try scheme(rows)
                #expect(part.rowCount == rows.count)
                #expect(
                    part.values == Array(whole.values[rows.lowerBound * 5..<rows.upperBound * 5]))
            }
        }
    }

    @Test func extremesStayDistributions() throws {
        let row = Matrix(rowCount: 1, columnCount: 1)
        let extremes: [[Float]] = [
            [.infinity, .infinity, 0], [-.infinity, -.infinity, -.infinity], [.nan, 3e38, -3e38],
            [0, 1e-30, 2e-30], [-.infinity, 500, 500],
        ]
        for logits in extremes {
            let heads = HeadPlan(.subsets, classCount: 3).heads.map { spec in
                constantHead(spec.classes.members, spec.classes.members.map { logits[$0] })
            }
            let bank = try HeadBank(heads)
            let answers = try Answers(bank, 3, row)
            func expect(_ scheme: Scheme, _ prediction: Int) throws {
                expectDistributions(
                    try bank.probabilities(scheme, classes: .all(3), row), [prediction])
            }
            try expect(.oneVsAll, answers.highest(0))
            try expect(.softVote, answers.softVote(0))
            try expect(.hardVote, answers.mostVotes(0))
            try expect(.eliminationGraph, answers.survivor(0))
            try expect(.treeElimination, answers.lastLeft(0))
            let coupled = try bank.probabilities(.pairwiseCoupling, classes: .all(3), row)
            expectDistributions(coupled, coupled.predictions)
        }
    }

    // The eliminated class keeps its share: .5 * (.2, .3, .5) is no chain; by hand it is
    // head {0,1,2} = (.2, .3, .5) drops 0 with .2; head {1,2} = (.6, .4) shares .8 as .48, .32.
    @Test func treeProbabilitiesByHand() throws {
        let bank = try HeadBank([
            constantHead([0, 1, 2], [0.2, 0.3, 0.5].map { Float(log($0)) }),
            constantHead([1, 2], [0.6, 0.4].map { Float(log($0)) }),
        ])
        let row = Matrix(rowCount: 1, columnCount: 1)
        let outcome = try bank.eliminate(classes: .all(3), row)
        #expect(
            zip(outcome.probabilities.values, [0.2, 0.48, 0.32]).allSatisfy {
                abs($0 - $1) < 1e-6
            })
        #expect(outcome.headsAsked == [2])
        #expect(outcome.outputsAsked == [5])
        #expect(outcome.topNeverChanged == [false])
        #expect(outcome.flopsPerRow(featureCount: 256) == 2560)
        let root = try bank.eliminate(classes: .all(3), row, policy: .certain(margin: 0.19))
        #expect(root.headsAsked == [1])
        #expect(root.topNeverChanged == [true])
        #expect(root.probabilities.predictions == [2])
    }
}
