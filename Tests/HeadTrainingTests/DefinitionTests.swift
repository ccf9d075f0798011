import HeadTraining
import Heads
import Numerics
import Testing

/// The examples at the end of Definition.md: their bits come from a program that was written after
/// that text alone, in another language.
@Suite struct DefinitionTests {
    /// Row r of 15 and feature f of 20 is `(37 r + 11 f) mod 64 / 32 - 0.75`; classes have 5, 4, 6.
    private static func table(_ keys: [UInt64]) -> FeatureTable {
        let values = (0..<300).map { index -> Float in
            let number = (37 * (index / 20) + 11 * (index % 20)) % 64
            return Float(number) / 32 - 0.75
        }
        let labels = [Int](repeating: 0, count: 5) + [1, 1, 1, 1] + [Int](repeating: 2, count: 6)
        return FeatureTable(
            grouping: Matrix(rowCount: 15, columnCount: 20, values: values), labels: labels,
            classCount: 3, classKeys: keys)
    }

    private struct Example: Sendable {
        let keys: [UInt64]
        /// Of both heads, the bits of the first four weights and of the biases.
        let weights: [[UInt32]]
        let biases: [[UInt32]]
        let hash: UInt64
    }

    private static let examples = [
        Example(
            keys: [0, 1, 2],
            weights: [
                [0x3E49_0EE9, 0x3D93_3D3A, 0xBEF2_D296, 0x3EEE_1E08],
                [0xBED4_D50E, 0x3CC7_6BC2, 0xBEC6_606C, 0xBE42_BFE5],
            ],
            biases: [[0xBBB2_44AC, 0x3BB2_44AC], [0xBB4C_D24A, 0xBBA1_33D9, 0x3B97_95FC]],
            hash: 0x278B_4D97_CD7F_6C15),
        Example(
            keys: [0x2_0000_0001, 1, 0x1_0000_0005],
            weights: [
                [0xBED5_F4D0, 0x3EB3_AC9A, 0xBDB2_B885, 0xBF00_D697],
                [0xBE92_1EB6, 0xBD68_6ACE, 0xBE2A_F174, 0x3EEA_990E],
            ],
            biases: [[0xBB36_A5FE, 0x3B36_A5FE], [0xBB51_893E, 0x39F8_9B80, 0x3B62_5463]],
            hash: 0x77E9_3C1D_A8A9_29A0),
    ]

    @Test(arguments: KernelVariant.supported.map(\.name))
    func examplesHaveTheseBits(variant: String) throws {
        for example in Self.examples {
            let trainer = try HeadTrainer(
                table: Self.table(example.keys),
                hyperparameters: HeadHyperparameters(
                    epochCount: 2, batchSize: 4, dropout: 0.3, seed: 7),
                derivedFrom: nil, variant: try KernelVariant.select(variant))
            let heads = try trainer.train([
                HeadKey(ClassSet([0, 2])),
                HeadKey(ClassSet([0, 1, 2])),
            ])
            for (index, head) in heads.enumerated() {
                let weights = head.weights.values.prefix(4).map(\.bitPattern)
                #expect(weights == example.weights[index])
                #expect(head.biases.map(\.bitPattern) == example.biases[index])
            }
            #expect(Self.hash(heads) == example.hash)
        }
    }

    /// FNV-1a over weights, then biases, of each head, little-endian.
    private static func hash(_ heads: [Head]) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for value in heads.flatMap({ $0.weights.values + $0.biases }) {
            for shift in [0, 8, 16, 24] as [UInt32] {
                hash ^= UInt64(value.bitPattern >> shift & 0xFF)
                hash &*= 0x100_0000_01B3
            }
        }
        return hash
    }
}
