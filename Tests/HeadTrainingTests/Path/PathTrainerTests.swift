import HeadTraining
import Heads
import Numerics
import Testing

/// Heads on a path of penalties, against other ways to the same optimum.
@Suite struct PathTrainerTests {
    private static let cValues = [0.01, 1, 100]
    private let tables = [
        integerTable([40, 30, 20], featureCount: 4, modulus: 61),
        integerTable([9, 7, 11], featureCount: 33, modulus: 59),
        syntheticTable(classCount: 5, rowCount: 200, featureCount: 48),
    ]

    private func heads(_ table: FeatureTable) -> [HeadKey] {
        [HeadKey(.all(table.classCount)), spec([0, 2])]
    }

    /// By a second implementation, and by a head that is nearer to the optimum.
    @Test func boundsHold() throws {
        for (number, table) in tables.enumerated() {
            let trainer = try PathTrainer(table: table)
            for key in heads(table) {
                var path: [PathPoint] = []
                for c in Self.cValues {
                    let name: Comment = "table \(number), \(key), C \(c)"
                    let l2 = trainer.l2(of: key, c: c)
                    let found = try trainer.train(key, c: c, from: Array(path.suffix(2)))
                    path.append(PathPoint(c: c, head: found.head))
                    let certificate = found.certificate
                    #expect(certificate.isCertified, name)
                    #expect(certificate.relativeGap <= 1e-6 && certificate.relativeGap >= 0, name)
                    let plain = objective(found.head, table, l2: l2).value
                    #expect(abs(certificate.objective - plain) < 1e-7 * plain, name)
                    let other = try ConvergedHeadTrainer(
                        table: table, l2: l2, gradientTolerance: 1e-6
                    ).train([key])[0]
                    let least = objective(other.head, table, l2: l2).value
                    // Logits of rows are of single precision, and so is what is made of them.
                    #expect(certificate.lowerBound <= least * (1 + 1e-7), name)
                }
            }
        }
    }

    @Test func everyVariantGivesTheSameBits() throws {
        for table in tables {
            for key in heads(table) {
                let all = try KernelVariant.supported.map { variant in
                    let trainer = try PathTrainer(table: table, variant: variant)
                    let first = try trainer.train(key, c: 0.1, from: [])
                    return try trainer.train(
                        key, c: 1, from: [PathPoint(c: 0.1, head: first.head)])
                }
                for other in all.dropFirst() {
                    #expect(other.head.hasEqualBits(all[0].head))
                    #expect(other.certificate == all[0].certificate)
                }
            }
        }
    }

    /// A class against the rest is the pair of two classes whose rows are those.
    @Test func groupsAreClassesTogether() throws {
        let table = tables[0]
        let features = unsafe table.features.withUnsafeBufferPointer { unsafe Array($0) }
        let merged = FeatureTable(
            features: FloatBuffer(features), featureCount: 4, classRowCounts: [40, 50])
        for c in Self.cValues {
            let rest = try PathTrainer(table: table).train(.rest(0, of: .all(3)), c: c, from: [])
            let pair = try PathTrainer(table: merged).train(spec([0, 1]), c: c, from: [])
            #expect(rest.certificate.isCertified && pair.certificate.isCertified)
            #expect(
                abs(rest.certificate.objective - pair.certificate.objective)
                    <= 2e-6 * pair.certificate.objective)
        }
    }

    @Test func weightsAreRowsRepeatedAndBalanceIsOfGroups() throws {
        let counts = [6, 9]
        let plain = integerTable(counts, featureCount: 5, modulus: 61)
        let weighted = integerTable(
            counts, featureCount: 5, modulus: 61,
            weights: (0..<15).map { Float(1 + $0 % 3) })
        let key = spec([0, 1])
        let trainer = try PathTrainer(table: weighted)
        let found = try trainer.train(key, c: 1, from: [])
        let l2 = trainer.l2(of: key, c: 1)
        let expected = objective(found.head, weighted, l2: l2).value
        #expect(found.certificate.isCertified)
        #expect(abs(found.certificate.objective - expected) < 1e-7 * expected)
        let balanced = try PathTrainer(table: plain, isBalanced: true).train(key, c: 1, from: [])
        let value = objective(
            balanced.head, plain, rowWeights: counts.map { 15 / (2 * Double($0)) },
            l2: try PathTrainer(table: plain).l2(of: key, c: 1)
        ).value
        #expect(balanced.certificate.isCertified)
        #expect(abs(balanced.certificate.objective - value) < 1e-7 * value)
    }

    @Test func whatHasNoOptimumIsRefused() throws {
        let trainer = try PathTrainer(
            table: integerTable([3, 0, 4], featureCount: 2, modulus: 5))
        for (key, c) in [(spec([0, 1]), 1.0), (spec([0, 2]), 0), (spec([0, 2]), .infinity)] {
            #expect(throws: HeadTrainingError.self) { try trainer.train(key, c: c, from: []) }
        }
    }
}
