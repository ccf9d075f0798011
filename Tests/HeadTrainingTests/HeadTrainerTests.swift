import HeadTraining
import Heads
import Numerics
import Testing

/// Features around a centre per class, all from Philox: no global randomness.
func syntheticTable(
    classCount: Int, rowCount: Int, featureCount: Int, seed: UInt64 = 7, weights: [Float]? = nil
) -> FeatureTable {
    var matrix = Matrix(rowCount: rowCount, columnCount: featureCount)
    var labels: [Int] = []
    for row in 0..<rowCount {
        let label = Int(Philox.block(seed: seed, UInt32(row), 1, 0, 0).x) % classCount
        labels.append(label)
        for feature in 0..<featureCount {
            let noise = Philox.uniform(
                Philox.block(seed: seed, UInt32(row), UInt32(feature), 2, 0).x)
            let centre = Philox.uniform(
                Philox.block(seed: seed, UInt32(label), UInt32(feature), 3, 0).x)
            matrix[row, feature] = max(0, noise + 1.5 * centre - 0.8)
        }
    }
    return FeatureTable(
        grouping: matrix, labels: labels, classCount: classCount, weights: weights)
}

/// What a digest is over: zeros of either sign differ.
private func bits(_ heads: [Head]) -> [[UInt32]] {
    heads.map { ($0.weights.values + $0.biases).map(\.bitPattern) }
}

@Suite struct HeadTrainerTests {
    private let hyperparameters = HeadHyperparameters(epochCount: 3, batchSize: 24, seed: 11)

    private func train(
        _ specs: [HeadKey], _ table: FeatureTable, _ hyperparameters: HeadHyperparameters,
        variant: KernelVariant, windowRowCount: Int? = nil
    ) throws -> [Head] {
        let trainer = try HeadTrainer(
            table: table, hyperparameters: hyperparameters, derivedFrom: nil, variant: variant,
            windowRowCount: windowRowCount)
        return try trainer.train(specs)
    }

    /// Every variant equals the scalar reference bit for bit, whatever the padding, tile remainders,
    /// class counts (tile widths 1, 2, 3, 5 and their sums) and dropout.
    @Test(arguments: [1, 16, 17, 40, 64, 256, 384, 768, 2_048])
    func variantsGiveEqualBits(featureCount: Int) throws {
        let table = syntheticTable(
            classCount: 13, rowCount: featureCount < 512 ? 150 : 60, featureCount: featureCount)
        let specs = (2...13).map {
            HeadKey(ClassSet((0..<$0).map { 12 - $0 }))
        }
        for dropout in [0, 0.5, 0.3] as [Float] {
            var values = hyperparameters
            values.dropout = dropout
            values.epochCount = 2
            let variants = KernelVariant.supported
            let reference = try train(specs, table, values, variant: variants[0])
            for variant in variants.dropFirst() {
                let heads = try train(specs, table, values, variant: variant)
                #expect(bits(heads) == bits(reference), "\(variant), dropout \(dropout)")
            }
        }
    }

    /// Wide heads, at and just below the edges of the registers' tiles.
    @Test func wideHeadsHaveEqualBits() throws {
        let table = syntheticTable(classCount: 128, rowCount: 400, featureCount: 17)
        let specs = [127, 128].map {
            HeadKey(ClassSet(Array(0..<$0)))
        }
        let variants = KernelVariant.supported
        let reference = try train(specs, table, hyperparameters, variant: variants[0])
        for variant in variants.dropFirst() {
            let heads = try train(specs, table, hyperparameters, variant: variant)
            #expect(bits(heads) == bits(reference), "\(variant)")
        }
    }

    @Test func windowsAndBundlesChangeNothing() throws {
        let table = syntheticTable(classCount: 6, rowCount: 400, featureCount: 48)
        let plan = HeadPlan(.subsets, classCount: 6)
        let variant = try KernelVariant.select(nil)
        let together = try train(plan.heads, table, hyperparameters, variant: variant)
        for windowRowCount in [1, 7, 64, 129, 1000] {
            let heads = try train(
                plan.heads, table, hyperparameters, variant: variant, windowRowCount: windowRowCount
            )
            #expect(bits(heads) == bits(together), "windows of \(windowRowCount) rows")
        }
        for (index, spec) in plan.heads.enumerated() {
            let alone = try train([spec], table, hyperparameters, variant: variant)
            #expect(bits(alone) == bits([together[index]]), "\(spec.classes) alone")
        }
    }

    @Test func seedsEpochsAndDropoutMatter() throws {
        let table = syntheticTable(classCount: 3, rowCount: 100, featureCount: 32)
        let specs = HeadPlan(.pairs, classCount: 3).heads
        let variant = try KernelVariant.select(nil)
        let base = try train(specs, table, hyperparameters, variant: variant)
        var other = hyperparameters
        other.seed = 12
        #expect(try train(specs, table, other, variant: variant) != base)
        other = hyperparameters
        other.dropout = 0
        #expect(try train(specs, table, other, variant: variant) != base)
        other = hyperparameters
        other.epochCount = 4
        #expect(try train(specs, table, other, variant: variant) != base)
        #expect(try train(specs, table, hyperparameters, variant: variant) == base)
    }

    @Test func cancellationIsAnError() throws {
        let table = syntheticTable(classCount: 3, rowCount: 100, featureCount: 32)
        let trainer = try HeadTrainer(
            table: table, hyperparameters: hyperparameters, derivedFrom: nil,
            variant: KernelVariant.select(nil))
        #expect {
            try trainer.train(HeadPlan(.pairs, classCount: 3).heads, isCancelled: { true })
        } throws: {
            ($0 as? HeadTrainingError)?.code == .cancelled
        }
    }

    @Test func refusesWhatItCannotTrain() throws {
        let table = syntheticTable(classCount: 3, rowCount: 30, featureCount: 8)
        let variant = try KernelVariant.select(nil)
        for change in [
            { $0.batchSize = 0 }, { $0.dropout = 1 }, { $0.dropout = -0.1 }, { $0.epochCount = 0 },
            { $0.initialisation = .derived }, { $0.learningRate = .nan },
        ] as [(inout HeadHyperparameters) -> Void] {
            var values = hyperparameters
            change(&values)
            #expect(throws: HeadTrainingError.self) {
                try HeadTrainer(
                    table: table, hyperparameters: values, derivedFrom: nil, variant: variant)
            }
        }
        let trainer = try HeadTrainer(
            table: table, hyperparameters: hyperparameters, derivedFrom: nil, variant: variant)
        #expect(throws: HeadTrainingError.self) {
            try trainer.train([HeadKey(ClassSet([1, 3]))])
        }
        #expect(throws: HeadTrainingError.self) { try KernelVariant.select("sse9") }
    }

    /// Rows that are elsewhere must not be trained without: the bits would be wrong without a word.
    @Test func refusesClassesWhoseRowsAreElsewhere() throws {
        let whole = integerTable([6, 5, 7], featureCount: 8, modulus: 61)
        let values = unsafe whole.features.withUnsafeBufferPointer { unsafe Array($0) }
        let features = FloatBuffer(count: 11 * 8)
        unsafe features.withUnsafeMutableBufferPointer { target in
            for index in 0..<11 * 8 { unsafe target[index] = values[index] }
        }
        let part = FeatureTable(
            features: features, featureCount: 8, classRowCounts: [6, 5, 0],
            isHeld: [true, true, false])
        let empty = FeatureTable(features: features, featureCount: 8, classRowCounts: [6, 5, 0])
        let missing = HeadKey(ClassSet([0, 2]))
        let held = HeadKey(ClassSet([0, 1]))
        let variant = try KernelVariant.select(nil)
        for training in [.epochs(hyperparameters), .optimum(l2: 0.01)] as [Training] {
            let trainer = { (table: FeatureTable) in
                try BundleTrainer(
                    table: table, training: training, derivedFrom: nil, variant: variant)
            }
            #expect {
                try trainer(part).train([held, missing])
            } throws: {
                let error = $0 as? HeadTrainingError
                return error?.code == .unusableInput
                    && error?.message == "head {0,2} has class 2, whose rows are not held here"
            }
            #expect(bits(try trainer(part).train([held])) == bits(try trainer(whole).train([held])))
            // A class may have no rows at all, as in a small share of a data set.
            if case .epochs = training {
                #expect(try trainer(empty).train([missing]).count == 1)
            }
        }
    }

    /// Groups of several classes have a key and no training yet.
    @Test func refusesHeadsOfGroups() throws {
        let table = integerTable([6, 5, 7], featureCount: 8, modulus: 61)
        let head = try #require(HeadKey(groups: [ClassSet([0, 1]), ClassSet([2])]))
        let variant = try KernelVariant.select(nil)
        for training in [.epochs(hyperparameters), .optimum(l2: 0.01)] as [Training] {
            let trainer = try BundleTrainer(
                table: table, training: training, derivedFrom: nil, variant: variant)
            #expect {
                try trainer.train([head])
            } throws: {
                let error = $0 as? HeadTrainingError
                return error?.code == .unusableInput
                    && error?.message
                        == "head {0+1,2} tells groups apart, which this version does not train"
            }
        }
    }

    // Of no rows there is no window to ask in: a million epochs of them could not be stopped.
    @Test func noRowsCanBeCancelled() throws {
        let table = FeatureTable(
            grouping: Matrix(rowCount: 0, columnCount: 2), labels: [], classCount: 2)
        var values = hyperparameters
        values.epochCount = 1_000_000
        let trainer = try HeadTrainer(
            table: table, hyperparameters: values, derivedFrom: nil,
            variant: try #require(KernelVariant.supported.first))
        var askedCount = 0
        #expect(throws: HeadTrainingError.self) {
            try trainer.train([HeadKey(ClassSet([0, 1]))]) {
                askedCount += 1
                return askedCount > 3
            }
        }
        #expect(askedCount == 4)
    }
}
