import Decoding
import Heads
import Numerics
import Testing

@Suite struct PolicyTests {
    private let bank: HeadBank
    private let features = randomMatrix(1_200, 19, seed: 502)

    init() throws {
        bank = try HeadBank(randomHeads(classCount: 7, featureCount: 19, seed: 501))
    }

    private func eliminate(_ policy: EliminationPolicy) throws -> EliminationOutcome {
        try bank.eliminate(classes: .all(7), features, policy: policy)
    }

    /// The policies row by row in Double, with a dictionary.
    private struct Reference {
        var prediction = -1
        var headsAsked = 0
        var outputsAsked = 0
        var topNeverChanged = true

        init(_ heads: [[Int]: Head], _ features: Matrix, _ row: Int, _ policy: EliminationPolicy) {
            var left = Array(0..<7)
            while true {
                guard let head = heads[left] else { return }
                let probabilities = Self.softmax(head, features, row)
                let order = left.indices.sorted { probabilities[$0] < probabilities[$1] }
                let top = order[order.count - 1]
                if headsAsked > 0, left[top] != prediction { topNeverChanged = false }
                prediction = left[top]
                headsAsked += 1
                outputsAsked += left.count
                var drops: Int
                switch policy {
                case .lowest(let count): drops = count
                case .below(let threshold):
                    drops = max(1, probabilities.count { $0 < threshold })
                case .certain(let margin):
                    let runnerUp = probabilities[order[order.count - 2]]
                    drops = probabilities[top] - runnerUp >= margin ? left.count : 1
                }
                drops = min(drops, left.count - 1)
                let dropped = order.prefix(drops).map { left[$0] }
                left.removeAll { dropped.contains($0) }
                if left.count == 1 { return }
            }
        }

        private static func softmax(_ head: Head, _ features: Matrix, _ row: Int) -> [Double] {
            let logits = head.biases.indices.map { position in
                zip(head.weights.row(position), features.row(row)).reduce(
                    Double(head.biases[position])
                ) { $0 + Double($1.0) * Double($1.1) }
            }
            let highest = logits.max() ?? 0
            let powers = logits.map { Double(Float.reproducibleExponential(Float($0 - highest))) }
            return powers.map { $0 / powers.reduce(0, +) }
        }
    }

    @Test(arguments: [
        EliminationPolicy.lowest(1), .lowest(2), .lowest(3), .lowest(5), .below(0.01),
        .below(0.1), .below(0.4), .certain(margin: 0.3), .certain(margin: 0.9),
    ])
    func policiesAgreeWithADictionaryPerRow(policy: EliminationPolicy) throws {
        let outcome = try eliminate(policy)
        let heads = Dictionary(uniqueKeysWithValues: bank.heads.map { ($0.classes.members, $0) })
        let expected = (0..<features.rowCount).map { Reference(heads, features, $0, policy) }
        #expect(outcome.probabilities.predictions == expected.map(\.prediction))
        #expect(outcome.headsAsked == expected.map(\.headsAsked))
        #expect(outcome.outputsAsked == expected.map(\.outputsAsked))
        #expect(outcome.topNeverChanged == expected.map(\.topNeverChanged))
    }

    @Test func endsOfTheScaleAreTheKnownSchemes() throws {
        let root = try bank.probabilities(.oneVsAllRefit, classes: .all(7), features)
        let tree = try bank.predictions(.treeElimination, classes: .all(7), features)
        for policy in [EliminationPolicy.lowest(6), .lowest(99), .below(1), .certain(margin: 0)] {
            let outcome = try eliminate(policy)
            #expect(outcome.probabilities == root)
            #expect(outcome.headsPerRow == 1)
            #expect(outcome.topNeverChangedShare == 1)
            #expect(outcome.flopsPerRow(featureCount: 19) == 2 * 7 * 19)
        }
        for policy in [EliminationPolicy.lowest(1), .below(0), .certain(margin: 1)] {
            let outcome = try eliminate(policy)
            #expect(outcome.probabilities.predictions == tree)
            #expect(outcome.headsPerRow == 6)
            #expect(outcome.topNeverChangedShare < 1)
        }
        let cost = Scheme.treeElimination.cost(classCount: 7, featureCount: 19)
        #expect(
            try eliminate(.lowest(1)).flopsPerRow(featureCount: 19)
                == Double(cost.flopsPerPrediction))
    }

    @Test func impossiblePoliciesAreRefused() {
        for policy in [
            EliminationPolicy.lowest(0), .lowest(-1), .below(-0.1), .below(1.1), .below(.nan),
            .certain(margin: -1), .certain(margin: .infinity),
        ] {
            let error = #expect(throws: DecodingError.self) { try eliminate(policy) }
            #expect(error?.code == .policyOutOfRange)
        }
        let few = #expect(throws: DecodingError.self) {
            try bank.eliminate(classes: .all(1), features)
        }
        #expect(few?.code == .noClasses)
        let many = #expect(throws: DecodingError.self) {
            try bank.eliminate(classes: .all(65), features)
        }
        #expect(many?.code == .noClasses)
        let missing = #expect(throws: DecodingError.self) {
            try bank.eliminate(classes: .all(8), features)
        }
        #expect(missing?.code == .missingHead)
    }
}
