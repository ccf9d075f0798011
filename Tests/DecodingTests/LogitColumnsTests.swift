import Decoding
import Heads
import Numerics
import Testing

@Suite struct LogitColumnsTests {
    private static let features = Matrix(
        rowCount: 150, columnCount: 20,
        values: (0..<150 * 20).map { Float(($0 * 7_919) % 1_009) / 500 - 1 })

    private static let heads = HeadPlan(.subsets, classCount: 5).heads.map { spec in
        let count = spec.classes.count
        return Head(
            classes: spec.classes,
            weights: Matrix(
                rowCount: count, columnCount: 20,
                values: (0..<count * 20).map {
                    Float(($0 * 104_729 + Int(spec.id.rawValue) * 331) % 2_003) / 1_000 - 1
                }), biases: (0..<count).map { Float($0) / 7 - 0.3 })
    }

    @Test func schemesAnswerAsIfAskedDirectly() throws {
        let bank = try HeadBank(Self.heads)
        let columns = try LogitColumns(
            Self.heads.map { ($0.classes, try $0.logits(Self.features)) })
        for head in columns.heads.heads {
            let direct = try bank.head(over: head.classes).logits(Self.features)
            #expect(try head.logits(columns.features) == direct)
        }
        let all = ClassSet.all(5)
        for rule in PairRule.allCases {
            #expect(
                try SchemeDecoder.pairProbabilities(
                    columns.features, classes: all, heads: columns.heads, rule: rule)
                    == SchemeDecoder.pairProbabilities(
                        Self.features, classes: all, heads: bank, rule: rule))
        }
        for policy in [EliminationPolicy.lowest(1), .below(0.1), .certain(margin: 0.8)] {
            #expect(
                try SchemeDecoder.eliminate(
                    columns.features, classes: all, heads: columns.heads, policy: policy)
                    == SchemeDecoder.eliminate(
                        Self.features, classes: all, heads: bank, policy: policy))
        }
    }

    @Test func refusesWhatDoesNotFit() {
        let pair = ClassSet([0, 1])
        let good = Matrix(rowCount: 2, columnCount: 2)
        var endless = good
        endless[1, 1] = .infinity
        for wrong in [
            [(pair, Matrix(rowCount: 2, columnCount: 3))], [(pair, endless)],
            [(pair, good), (ClassSet([0, 2]), Matrix(rowCount: 3, columnCount: 2))],
            [(pair, good), (pair, good)],
        ] {
            #expect(throws: DecodingError.self) { try LogitColumns(wrong) }
        }
    }
}
