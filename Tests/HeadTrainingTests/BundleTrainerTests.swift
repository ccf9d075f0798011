import HeadTraining
import Heads
import Numerics
import Testing

/// One trainer for whatever hyperparameters ask for.
@Suite struct BundleTrainerTests {
    private let table = syntheticTable(classCount: 4, rowCount: 120, featureCount: 40)
    private let plan = HeadPlan(.subsets, classCount: 4)

    private func trainer(_ training: Training) throws -> BundleTrainer {
        try BundleTrainer(
            table: table, training: training, derivedFrom: nil,
            variant: KernelVariant.select(nil))
    }

    @Test func byEpochs() throws {
        let hyperparameters = HeadHyperparameters(epochCount: 2, batchSize: 16, seed: 3)
        let direct = try HeadTrainer(
            table: table, hyperparameters: hyperparameters, derivedFrom: nil,
            variant: KernelVariant.select(nil))
        #expect(try trainer(.epochs(hyperparameters)).train(plan.heads) == direct.train(plan.heads))
    }

    @Test func toTheOptimum() throws {
        let direct = try ConvergedHeadTrainer(
            table: table, l2: 0.01, gradientTolerance: BundleTrainer.optimumGradientTolerance
        ).train(plan.heads)
        #expect(direct.allSatisfy { $0.isCertified })
        #expect(try trainer(.optimum(l2: 0.01)).train(plan.heads) == direct.map(\.head))
        #expect(throws: HeadTrainingError.self) { try trainer(.optimum(l2: -1)) }
        #expect(throws: HeadTrainingError.self) {
            try trainer(.optimum(l2: 0.01)).train(plan.heads) { true }
        }
    }

    /// Anybody's head can be looked at: the certificate needs nothing of whoever trained it.
    @Test func certificatesAreOfTheHeadAlone() throws {
        let trainer = try ConvergedHeadTrainer(table: table, l2: 0.01)
        for trained in try trainer.train(plan.heads) {
            #expect(try trainer.gradientNorm(of: trained.head) == trained.gradientNorm)
            var other = trained.head.weights
            other[0, 0] += 0.1
            let moved = Head(
                classes: trained.head.classes, weights: other, biases: trained.head.biases)
            let norm = objective(moved, table, l2: 0.01).norm
            #expect(norm > 1e-4)
            #expect(abs(try trainer.gradientNorm(of: moved) - norm) < 1e-9)
        }
        for head in [
            Head(
                classes: ClassSet([0, 1]), weights: Matrix(rowCount: 2, columnCount: 39),
                biases: [0, 0]),
            Head(
                classes: ClassSet([0, 4]), weights: Matrix(rowCount: 2, columnCount: 40),
                biases: [0, 0]),
        ] {
            #expect(throws: HeadTrainingError.self) { try trainer.gradientNorm(of: head) }
        }
    }
}
