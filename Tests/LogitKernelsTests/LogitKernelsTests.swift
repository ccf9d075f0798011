import Decoding
import Heads
import LogitKernels
import Numerics
import Testing

// Goal: a logit is that of its definition, to the bit, whatever computes it and whatever stands beside
// it. Method: every variant against the scalar one and that against Swift, over shapes below, at and
// above every tile; rows alone, in their batch and in any order.
@Suite struct LogitKernelsTests {
    /// Numbers in [-1, 1), a function of seed and position.
    private static func values(_ count: Int, seed: UInt64) -> [Float] {
        (0..<count).map {
            2 * Philox.uniform(Philox.block(seed: seed, UInt32($0), 0, 0, 0).x) - 1
        }
    }

    private static func matrix(_ rowCount: Int, _ columnCount: Int, seed: UInt64) -> Matrix {
        Matrix(
            rowCount: rowCount, columnCount: columnCount,
            values: values(rowCount * columnCount, seed: seed))
    }

    /// All pairs, then each class against the rest, unless that is a pair.
    private static func keysOfTwo(_ classCount: Int) -> [HeadKey] {
        HeadPlan(.pairs, classCount: classCount).heads
            + (classCount == 2 ? [] : (0..<classCount).map { .rest($0, of: .all(classCount)) })
    }

    /// Those and the head over all classes.
    private static func bank(_ classCount: Int, _ featureCount: Int) throws -> HeadBank {
        let whole = classCount == 2 ? [] : [HeadKey(.all(classCount))]
        return try HeadBank(
            (keysOfTwo(classCount) + whole).enumerated().map { index, key in
                let count = key.outputCount
                return Head(
                    key: key,
                    weights: matrix(count, featureCount, seed: UInt64(2 * index + 10)),
                    biases: values(count, seed: UInt64(2 * index + 11)))
            })
    }

    /// The order of operations that a logit is defined by.
    private static func definedLogit(
        _ weights: [Float], _ row: ArraySlice<Float>, _ bias: Float
    ) -> Float {
        var logit = bias
        for start in stride(from: 0, to: weights.count, by: 128) {
            var sum: Float = 0
            for feature in start..<min(start + 128, weights.count) {
                sum.addProduct(weights[feature], row[row.startIndex + feature])
            }
            logit += sum
        }
        return logit
    }

    /// What a variant says of rows: differences of all heads of two outputs, then the logits of all classes.
    private static func answers(
        _ heads: PreparedHeads, _ classCount: Int, _ features: Matrix, _ rows: [Int32],
        _ variant: LogitKernelVariant
    ) throws -> [[UInt32]] {
        let source = try HeadLogits(heads, features, variant: variant)
        let pairs = try keysOfTwo(classCount).map { try #require(source.classifier(of: $0)) }
        let all = try #require(source.classifier(over: .all(classCount)))
        var room = LogitBlock.room(outputCount: pairs.count + classCount)
        source.fillDifferences(&room, pairs: pairs[...], rows: rows[...])
        var logits = LogitBlock.room(outputCount: classCount)
        source.fill(&logits, classifiers: [all], rows: rows[...])
        let width = LogitBlock.rowCountMax
        room.replaceSubrange((pairs.count * width)..., with: logits)
        return rows.indices.map { row in
            (0..<pairs.count + classCount).map { room[$0 * width + row].bitPattern }
        }
    }

    private static let featureCounts = Array(1...70) + [127, 128, 129, 255, 256, 257, 384, 700]

    @Test(arguments: featureCounts)
    func variantsAndRowsAloneGiveEqualBits(featureCount: Int) throws {
        let scalar = LogitKernelVariant.supported[0]
        #expect(scalar.name == "scalar")
        for classCount in [2, 3 + featureCount % 5, 9 + featureCount % 4] {
            let heads = PreparedHeads(try Self.bank(classCount, featureCount))
            var features = Self.matrix(70, featureCount, seed: UInt64(featureCount))
            features[3, featureCount - 1] = .nan
            features[5, featureCount / 2] = .infinity
            features[6, 0] = -.infinity
            let order = (0..<64).map { Int32(($0 * 27 + featureCount) % 70) }
            let expected = try Self.answers(heads, classCount, features, order, scalar)
            for variant in LogitKernelVariant.supported {
                let counts = [1, 2, 5, 6, 7, 1 + featureCount % 64, 64]
                for count in counts {
                    let found = try Self.answers(
                        heads, classCount, features, Array(order[..<count]), variant)
                    #expect(found == Array(expected[..<count]), "\(variant.name) \(count)")
                }
                let last = try Self.answers(heads, classCount, features, [order[63]], variant)
                #expect(last == [expected[63]], "\(variant.name) alone")
            }
        }
    }

    @Test(arguments: [1, 7, 127, 128, 129, 256, 300])
    func logitsAreThoseOfTheDefinition(featureCount: Int) throws {
        let bank = try Self.bank(4, featureCount)
        let features = Self.matrix(71, featureCount, seed: 1)
        let source = try HeadLogits(bank, features)
        var room = LogitBlock.room(outputCount: 1)
        for (index, head) in bank.heads.enumerated() {
            let weights = (0..<head.outputCount).map { Array(head.weights.row($0)) }
            let expected = (0..<71).flatMap { row in
                weights.indices.map {
                    Self.definedLogit(weights[$0], features.row(row), head.biases[$0])
                }
            }
            #expect(try head.logits(features).values == expected)
            guard weights.count == 2 else { continue }
            for row in 0..<71 {
                source.fillDifferences(&room, pairs: [index], rows: [Int32(row)])
                #expect(
                    room[0]
                        == Self.definedLogit(
                            zip(weights[0], weights[1]).map { $0 - $1 }, features.row(row),
                            head.biases[0] - head.biases[1]))
            }
        }
    }

    // What is not a number never wins; differences that overflow are asked for both logits.
    @Test func pairsWithoutAFiniteDifferenceAreAskedForBothLogits() throws {
        func head(_ first: Int, _ logits: [Float]) -> Head {
            Head(
                classes: ClassSet([first, 9]), weights: Matrix(rowCount: 2, columnCount: 1),
                biases: logits)
        }
        let bank = try HeadBank([
            head(0, [.nan, -5]), head(1, [2, .nan]), head(2, [.infinity, .infinity]),
            head(3, [3e38, -3e38]), head(4, [.nan, .nan]), head(5, [1, 0.25]),
        ])
        let source = try HeadLogits(
            bank, Matrix(rowCount: 2, columnCount: 1, values: [0, .nan]))
        var room = LogitBlock.room(outputCount: 6)
        source.fillDifferences(&room, pairs: [0, 1, 2, 3, 4, 5], rows: [0, 1])
        let width = LogitBlock.rowCountMax
        #expect(
            (0..<6).map { room[$0 * width] } == [
                -.infinity, .infinity, 0, .infinity, 0, 0.75,
            ])
        #expect((0..<6).allSatisfy { room[$0 * width + 1] == 0 })
    }

    @Test func headsOfOtherFeaturesAreRefused() throws {
        let bank = try Self.bank(3, 4)
        let error = #expect(throws: DecodingError.self) {
            try HeadLogits(bank, Matrix(rowCount: 1, columnCount: 5))
        }
        #expect(error?.code == .widthMismatch)
    }
}
