import Decoding
import Foundation
import Heads
import Numerics
import Testing

// Goal: the schemes agree with mathematics and with dumb second implementations. Method: heads
// whose answer is known (derived from one layer), and per-row loops in Double over random heads.
@Suite struct OracleTests {
    private func bank(derivedFrom layer: Head) throws -> HeadBank {
        let plan = HeadPlan(.subsets, classCount: layer.classes.count)
        return try HeadBank(plan.heads.map { derivedHead(layer, $0.classes) })
    }

    @Test(arguments: [(2, 16), (3, 5), (5, 64), (10, 256)])
    func derivedHeadsReproduceTheLayer(classCount: Int, featureCount: Int) throws {
        let layer = randomLayer(classCount: classCount, featureCount: featureCount, seed: 11)
        let bank = try bank(derivedFrom: layer)
        let features = randomMatrix(3_000, featureCount, seed: 12)
        let classes = ClassSet.all(classCount)
        let expected = try layer.predictions(features)
        #expect(Set(expected).count > 1)
        #expect(
            try bank.predictions(.softVote, classes: classes, features) == expected)
        #expect(
            try bank.predictions(.treeElimination, classes: classes, features) == expected)
    }

    @Test func exactTiesGoToTheLowestClass() throws {
        // Classes 1, 2 and 4 have the same weights and biases.
        var layer = randomLayer(classCount: 5, featureCount: 33, seed: 21)
        let row = Array(layer.weights.row(1))
        var weights = layer.weights
        for index in [2, 4] {
            weights.values.replaceSubrange(index * 33..<index * 33 + 33, with: row)
        }
        let bias = layer.biases[1]
        layer = Head(
            classes: .all(5), weights: weights,
            biases: [layer.biases[0], bias, bias, layer.biases[3], bias])
        let bank = try bank(derivedFrom: layer)
        let features = randomMatrix(4_000, 33, seed: 22)
        let expected = try layer.predictions(features)
        #expect(Set(expected) == [0, 1, 3])
        #expect(try bank.predictions(.softVote, classes: .all(5), features) == expected)
        #expect(
            try bank.predictions(.treeElimination, classes: .all(5), features) == expected)
        let zeros = Matrix(rowCount: 3, columnCount: 33)
        let flat = Head(
            classes: .all(5), weights: Matrix(rowCount: 5, columnCount: 33),
            biases: [Float](repeating: 0.5, count: 5))
        let flatBank = try self.bank(derivedFrom: flat)
        #expect(try flat.predictions(zeros) == [0, 0, 0])
        #expect(try flatBank.predictions(.softVote, classes: .all(5), zeros) == [0, 0, 0])
        #expect(
            try flatBank.predictions(.treeElimination, classes: .all(5), zeros) == [
                0, 0, 0,
            ])
    }

    @Test func twoClassesMakeAllSchemesAgree() throws {
        let head = randomLayer(classCount: 2, featureCount: 20, seed: 31)
        let bank = try HeadBank([head])
        let features = randomMatrix(1_000, 20, seed: 32)
        let expected = try head.predictions(features)
        #expect(try bank.predictions(.softVote, classes: .all(2), features) == expected)
        #expect(
            try bank.predictions(.treeElimination, classes: .all(2), features) == expected)
    }

    @Test func relabellingPermutesPredictions() throws {
        // The new name of class c; not an order the old one can be mistaken for, and with gaps.
        let renamed = [70, 3, 0, 9, 64, 5]
        let heads = randomHeads(classCount: 6, featureCount: 24, seed: 41)
        let relabelled = heads.map { head in
            let members = head.classes.members
            let newOrder = members.indices.sorted { renamed[members[$0]] < renamed[members[$1]] }
            return Head(
                classes: ClassSet(members.map { renamed[$0] }),
                weights: Matrix(
                    rowCount: members.count, columnCount: 24,
                    values: newOrder.flatMap { Array(head.weights.row($0)) }),
                biases: newOrder.map { head.biases[$0] })
        }
        let bank = try HeadBank(heads)
        let relabelledBank = try HeadBank(relabelled.reversed())
        let features = randomMatrix(2_000, 24, seed: 42)
        let classes = ClassSet(renamed)
        let voted = try bank.predictions(.softVote, classes: .all(6), features)
        #expect(
            try relabelledBank.predictions(.softVote, classes: classes, features)
                == voted.map { renamed[$0] })
        let tree = try bank.predictions(.treeElimination, classes: .all(6), features)
        #expect(
            try relabelledBank.predictions(.treeElimination, classes: classes, features)
                == tree.map { renamed[$0] })
        #expect(voted != tree)
    }

    @Test(arguments: [3, 4, 5, 6])
    func eliminationAgreesWithADictionaryPerRow(classCount: Int) throws {
        let heads = randomHeads(classCount: classCount, featureCount: 19, seed: 51)
        let bank = try HeadBank(heads)
        let features = randomMatrix(1_500, 19, seed: 52)
        let byMembers = Dictionary(uniqueKeysWithValues: heads.map { ($0.classes.members, $0) })
        let expected = (0..<features.rowCount).map { row in
            var left = Array(0..<classCount)
            while left.count > 1 {
                guard let head = byMembers[left] else { return -1 }
                let logits = left.indices.map { dotInDouble(head, $0, features, row) }
                let lowest = logits.indices.reversed().min { logits[$0] < logits[$1] }
                left.remove(at: lowest ?? 0)
            }
            return left[0]
        }
        #expect(
            try bank.predictions(.treeElimination, classes: .all(classCount), features)
                == expected)
    }

    @Test(arguments: [3, 7, 10])
    func votingAgreesWithDouble(classCount: Int) throws {
        let heads = randomHeads(classCount: min(classCount, 7), featureCount: 37, seed: 61)
        let pairs: [Head] = HeadPlan(.pairs, classCount: classCount).heads.enumerated().map {
            position, spec in
            heads.first { $0.classes == spec.classes }
                ?? Head(
                    classes: spec.classes,
                    weights: randomMatrix(2, 37, seed: 7_000 + UInt64(position)),
                    biases: [0.5, -0.5])
        }
        let features = randomMatrix(1_500, 37, seed: 62)
        let expected = (0..<features.rowCount).map { row in
            var votes = [Double](repeating: 0, count: classCount)
            for head in pairs {
                let members = head.classes.members
                let powers = [0, 1].map { exp(dotInDouble(head, $0, features, row)) }
                for position in [0, 1] {
                    votes[members[position]] += powers[position] / (powers[0] + powers[1])
                }
            }
            return votes.indices.reversed().max { votes[$0] < votes[$1] } ?? -1
        }
        #expect(
            try HeadBank(pairs).predictions(.softVote, classes: .all(classCount), features)
                == expected)
    }

    private func dotInDouble(
        _ head: Head, _ position: Int, _ features: Matrix, _ row: Int
    ) -> Double {
        zip(head.weights.row(position), features.row(row)).reduce(
            Double(head.biases[position])
        ) { $0 + Double($1.0) * Double($1.1) }
    }
}
