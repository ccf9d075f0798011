import Decoding
import Heads
import LogitKernels
import Numerics
import Testing

@Suite struct LogitSourceTests {
    private static let features = Matrix(
        rowCount: 150, columnCount: 20,
        values: (0..<150 * 20).map { Float(($0 * 7_919) % 1_009) / 500 - 1 })

    private static let keys =
        HeadPlan(.subsets, classCount: 5).heads + (0..<5).map { HeadKey.rest($0, of: .all(5)) }

    private static let heads = keys.enumerated().map { position, key in
        let count = key.outputCount
        return Head(
            key: key,
            weights: Matrix(
                rowCount: count, columnCount: 20,
                values: (0..<count * 20).map { (index: Int) -> Float in
                    let step = (index * 104_729 + position * 331) % 2_003
                    return Float(step) / 1_000 - 1
                }), biases: (0..<count).map { Float($0) / 7 - 0.3 })
    }

    @Test func schemesAnswerAsIfAskedDirectly() throws {
        let bank = try HeadBank(Self.heads)
        let stored = try StoredLogits(
            Self.heads.map { ($0.key, try $0.logits(Self.features)) })
        let asked = try HeadLogits(bank, Self.features)
        #expect(stored.rowCount == 150)
        let schemes = Scheme.allCases
        let decoders = try [stored as any LogitSource, asked].map {
            try SchemeDecoder(schemes, classes: .all(5), heads: $0)
        }
        // A pair's difference is rounded otherwise when its logits are subtracted.
        for (one, other) in zip(
            try decoders[0].probabilities(), try decoders[1].probabilities())
        {
            #expect(zip(one.values, other.values).allSatisfy { abs($0 - $1) < 1e-4 })
        }
        for policy in [EliminationPolicy.lowest(1), .below(0.1), .certain(margin: 0.8)] {
            #expect(
                try decoders[0].eliminate(policy: policy)
                    == decoders[1].eliminate(policy: policy))
        }
    }

    // Every number on its way, minus zero too.
    @Test func storedLogitsArePassedOnBitForBit() throws {
        let values: [Float] = [-0.0, .leastNonzeroMagnitude, -3e38, 0.1, .pi, 7]
        let pair = ClassSet([2, 5])
        let source = try StoredLogits([
            (HeadKey(ClassSet([0, 1])), Matrix(rowCount: 3, columnCount: 2)),
            (HeadKey(pair), Matrix(rowCount: 3, columnCount: 2, values: values)),
        ])
        #expect(source.classifier(over: ClassSet([0, 5])) == nil)
        let classifier = try #require(source.classifier(over: pair))
        var logits = [Float](repeating: 1, count: 4 * LogitBlock.rowCountMax)
        source.fill(&logits, classifiers: [0, classifier], rows: [2, 0])
        let second = 2 * LogitBlock.rowCountMax
        #expect(
            logits[second..<second + 2].map(\.bitPattern)
                == [values[4], values[0]].map(\.bitPattern))
        let third = 3 * LogitBlock.rowCountMax
        #expect(
            logits[third..<third + 2].map(\.bitPattern) == [values[5], values[1]].map(\.bitPattern))
        #expect(logits[0..<2] == [0, 0])
    }

    @Test func refusesWhatDoesNotFit() {
        let pair = HeadKey(ClassSet([0, 1]))
        let good = Matrix(rowCount: 2, columnCount: 2)
        var endless = good
        endless[1, 1] = .infinity
        for wrong in [
            [(pair, Matrix(rowCount: 2, columnCount: 3))], [(pair, endless)],
            [(pair, good), (HeadKey(ClassSet([0, 2])), Matrix(rowCount: 3, columnCount: 2))],
            [(pair, good), (pair, good)],
        ] {
            #expect(throws: DecodingError.self) { try StoredLogits(wrong) }
        }
    }
}
