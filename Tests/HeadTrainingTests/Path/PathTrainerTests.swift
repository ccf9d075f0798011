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

    /// Heads of two outputs share their passes, and nothing else.
    @Test func companyDoesNotMatter() throws {
        for table in tables {
            let count = table.classCount
            let keys =
                HeadPlan(.pairs, classCount: count).heads
                + (0..<count).map { .rest($0, of: .all(count)) }
            for isBalanced in [false, true] {
                let trainer = try PathTrainer(table: table, isBalanced: isBalanced)
                var starts = keys.map { _ in [PathPoint]() }
                for c in [0.1, 1, 10] {
                    let requests = zip(keys, starts).map {
                        PathRequest(key: $0, c: c, start: Array($1.suffix(2)))
                    }
                    let together = try trainer.train(requests)
                    for (index, request) in requests.enumerated() {
                        let alone = try trainer.train(request.key, c: c, from: request.start)
                        #expect(alone == together[index])
                        #expect(alone.certificate.isCertified)
                        starts[index].append(PathPoint(c: c, head: alone.head))
                    }
                }
            }
        }
    }

    /// Every kind of preconditioner: the axes, the eigenvectors, and blocks of outputs.
    @Test(arguments: [(40, 8, 6), (900, 8, 3), (4_000, 16, 40), (6_000, 16, 12)])
    func wideAndNarrowHeadsAreCertified(
        rowCount: Int, featureCount: Int, classCount: Int
    ) throws {
        let table = syntheticTable(
            classCount: classCount, rowCount: rowCount, featureCount: featureCount)
        let trainer = try PathTrainer(table: table)
        let key = HeadKey(.all(classCount))
        var path: [PathPoint] = []
        for c in [1e-4, 1e-2, 1, 100, 1e4] {
            let found = try trainer.train(key, c: c, from: Array(path.suffix(2)))
            path.append(PathPoint(c: c, head: found.head))
            let certificate = found.certificate
            #expect(certificate.isCertified, "C \(c)")
            let plain = objective(found.head, table, l2: trainer.l2(of: key, c: c)).value
            #expect(abs(certificate.objective - plain) < 2e-7 * plain, "C \(c)")
        }
    }

    /// Features that are nearly nothing, as networks have them, are nothing.
    @Test func tinyFeaturesAreZero() throws {
        let plain = tables[0]
        var values = unsafe plain.features.withUnsafeBufferPointer { unsafe Array($0) }
        for row in 0..<plain.rowCount { values[row * 4 + 2] = 0 }
        func head(_ tiny: Float) throws -> PathHead {
            for row in 0..<plain.rowCount { values[row * 4 + 2] = tiny }
            let table = FeatureTable(
                features: FloatBuffer(values), featureCount: 4,
                classRowCounts: plain.classRowCounts)
            return try PathTrainer(table: table).train(HeadKey(.all(3)), c: 100, from: [])
        }
        #expect(try head(3e-33) == head(0))
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
