import HeadTraining
import Heads
import Numerics
import Testing

/// The example at the end of Definition.md: its bits come from a program that was written after
/// that text alone, in another language.
@Suite struct DefinitionTests {
    /// Row r of 15 and feature f of 20 is `(37 r + 11 f) mod 64 / 32 - 0.75`; classes have 5, 4, 6.
    private static var table: FeatureTable {
        let values = (0..<300).map { index -> Float in
            let number = (37 * (index / 20) + 11 * (index % 20)) % 64
            return Float(number) / 32 - 0.75
        }
        let labels = [Int](repeating: 0, count: 5) + [1, 1, 1, 1] + [Int](repeating: 2, count: 6)
        return FeatureTable(
            grouping: Matrix(rowCount: 15, columnCount: 20, values: values), labels: labels,
            classCount: 3)
    }

    @Test(arguments: KernelVariant.supported.map(\.name))
    func exampleHasTheseBits(variant: String) throws {
        let trainer = try HeadTrainer(
            table: Self.table,
            hyperparameters: HeadHyperparameters(
                epochCount: 2, batchSize: 4, dropout: 0.3, seed: 7),
            derivedFrom: nil, variant: try KernelVariant.select(variant))
        let heads = try trainer.train([
            HeadKey(ClassSet([0, 2])), HeadKey(ClassSet([0, 1, 2])),
        ])
        #expect(
            heads[0].weights.values.prefix(4).map(\.bitPattern)
                == [0x3E49_0EE9, 0x3D93_3D3A, 0xBEF2_D296, 0x3EEE_1E08])
        #expect(heads[0].biases.map(\.bitPattern) == [0xBBB2_44AC, 0x3BB2_44AC])
        #expect(
            heads[1].weights.values.prefix(4).map(\.bitPattern)
                == [0xBED4_D50E, 0x3CC7_6BC2, 0xBEC6_606C, 0xBE42_BFE5])
        #expect(heads[1].biases.map(\.bitPattern) == [0xBB4C_D24A, 0xBBA1_33D9, 0x3B97_95FC])
        #expect(Self.hash(heads) == 0x278B_4D97_CD7F_6C15)
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
