import Decoding
import Foundation
import Heads
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
            expectDistributions(
                try SchemeDecoder.oneVsAllProbabilities(features, head: root),
                try SchemeDecoder.oneVsAll(features, head: root))
            func pairs(_ rule: PairRule) throws -> ClassProbabilities {
                try SchemeDecoder.pairProbabilities(
                    features, classes: classes, heads: bank, rule: rule)
            }
            expectDistributions(
                try pairs(.softVote),
                try SchemeDecoder.allVsAll(features, classes: classes, heads: bank))
            for rule in PairRule.allCases {
                expectDistributions(try pairs(rule), try pairs(rule).predictions)
            }
            let winners = PairWinners(bank, classCount)
            expectDistributions(
                try pairs(.hardVote),
                (0..<700).map { winners.mostVotes(Array(features.row($0))) })
            expectDistributions(
                try pairs(.eliminationGraph),
                (0..<700).map { winners.survivor(Array(features.row($0))) })
            expectDistributions(
                try SchemeDecoder.eliminate(features, classes: classes, heads: bank).probabilities,
                try SchemeDecoder.treeElimination(features, classes: classes, heads: bank))
        }
    }

    /// Hard votes and the DAG row by row; exact where logits are small whole numbers.
    private struct PairWinners {
        let heads: [[Int]: Head]
        let classCount: Int

        init(_ bank: HeadBank, _ classCount: Int) {
            heads = Dictionary(
                uniqueKeysWithValues: bank.heads.filter { $0.classes.count == 2 }
                    .map { ($0.classes.members, $0) })
            self.classCount = classCount
        }

        func winner(_ first: Int, _ second: Int, _ row: [Float]) -> Int {
            guard let head = heads[[first, second]] else { return -1 }
            let logits = [0, 1].map { position in
                zip(head.weights.row(position), row).reduce(Double(head.biases[position])) {
                    $0 + Double($1.0) * Double($1.1)
                }
            }
            return logits[0] >= logits[1] ? first : second
        }

        func mostVotes(_ row: [Float]) -> Int {
            var votes = [Int](repeating: 0, count: classCount)
            for second in 1..<classCount {
                for first in 0..<second { votes[winner(first, second, row)] += 1 }
            }
            return votes.firstIndex(of: votes.max() ?? 0) ?? -1
        }

        func survivor(_ row: [Float]) -> Int {
            var list = Array(0..<classCount)
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
        expectSoftmax(try SchemeDecoder.oneVsAllProbabilities(features, head: layer))
        for rule in [PairRule.eliminationGraph, .pairwiseCoupling] {
            expectSoftmax(
                try SchemeDecoder.pairProbabilities(
                    features, classes: .all(6), heads: bank, rule: rule))
        }
        let policies: [EliminationPolicy] = [
            .lowest(1), .lowest(2), .lowest(9), .below(0.05), .certain(margin: 0.6),
        ]
        for policy in policies {
            expectSoftmax(
                try SchemeDecoder.eliminate(
                    features, classes: .all(6), heads: bank, policy: policy
                ).probabilities)
        }
    }

    @Test func rowsAloneAndInRangesAreAsInTheirBatch() throws {
        let bank = try bank(5, seed: 81, ties: false)
        let features = features(150, seed: 82, ties: false)
        let root = try bank.head(over: .all(5))
        var schemes: [(Range<Int>?) throws -> ClassProbabilities] = PairRule.allCases.map { rule in
            {
                try SchemeDecoder.pairProbabilities(
                    features, rows: $0, classes: .all(5), heads: bank, rule: rule)
            }
        }
        schemes.append { try SchemeDecoder.oneVsAllProbabilities(features, rows: $0, head: root) }
        for policy in [EliminationPolicy.lowest(1), .lowest(2), .below(0.1)] {
            schemes.append {
                try SchemeDecoder.eliminate(
                    features, rows: $0, classes: .all(5), heads: bank, policy: policy
                ).probabilities
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
            let root = try bank.head(over: .all(3))
            expectDistributions(
                try SchemeDecoder.oneVsAllProbabilities(row, head: root),
                try SchemeDecoder.oneVsAll(row, head: root))
            expectDistributions(
                try SchemeDecoder.eliminate(row, classes: .all(3), heads: bank).probabilities,
                try SchemeDecoder.treeElimination(row, classes: .all(3), heads: bank))
            for rule in PairRule.allCases {
                let found = try SchemeDecoder.pairProbabilities(
                    row, classes: .all(3), heads: bank, rule: rule)
                expectDistributions(found, found.predictions)
            }
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
        let outcome = try SchemeDecoder.eliminate(row, classes: .all(3), heads: bank)
        #expect(
            zip(outcome.probabilities.values, [0.2, 0.48, 0.32]).allSatisfy {
                abs($0 - $1) < 1e-6
            })
        #expect(outcome.headsAsked == [2])
        #expect(outcome.outputsAsked == [5])
        #expect(outcome.topNeverChanged == [false])
        #expect(outcome.flopsPerRow(featureCount: 256) == 2560)
        let root = try SchemeDecoder.eliminate(
            row, classes: .all(3), heads: bank, policy: .certain(margin: 0.19))
        #expect(root.headsAsked == [1])
        #expect(root.topNeverChanged == [true])
        #expect(root.probabilities.predictions == [2])
    }
}
