import Glibc
import HeadTraining
import Heads
import Numerics
import Testing

/// Heads over many classes, against softmax regression in double precision, as plain as can be.
@Suite struct WideHeadTests {
    private func bits(_ head: Head) -> [UInt32] {
        (head.weights.values + head.biases).map(\.bitPattern)
    }

    /// Training by epochs from zero, without dropout, in double precision.
    private struct PlainTrainer {
        let table: FeatureTable
        let classes: [Int]
        let rowWeights: [Double]
        let values: HeadHyperparameters
        /// `[class, feature and bias]`, as are the averages.
        private var weights: [[Double]]
        private var gradients: [[Double]]
        private var squaredGradients: [[Double]]
        private var squaredUpdates: [[Double]]

        init(
            _ table: FeatureTable, classes: [Int], isBalanced: Bool, _ values: HeadHyperparameters
        ) {
            self.table = table
            self.classes = classes
            self.values = values
            rowWeights =
                isBalanced
                ? ClassWeights.balanced(rowCounts: classes.map { table.classRowCounts[$0] })
                : classes.map { _ in 1 }
            let zeros = [[Double]](
                repeating: .init(repeating: 0, count: table.featureCount + 1),
                count: classes.count)
            weights = zeros
            gradients = zeros
            squaredGradients = zeros
            squaredUpdates = zeros
        }

        mutating func train() -> [[Double]] {
            let features = unsafe table.features.withUnsafeBufferPointer { unsafe Array($0) }
            let width = table.featureCount
            for epoch in 0..<values.epochCount {
                var rowCount = 0
                for row in EpochOrders(seed: values.seed, table: table).order(epoch: epoch) {
                    let member = table.classRowOffsets.lastIndex { $0 <= Int(row) }
                    guard let label = classes.firstIndex(where: { $0 == member }) else { continue }
                    let start = Int(row) * width
                    add(features[start..<start + width].map(Double.init) + [1], label: label)
                    rowCount += 1
                    if rowCount == values.batchSize {
                        update(rowCount)
                        rowCount = 0
                    }
                }
                if rowCount > 0 { update(rowCount) }
            }
            return weights
        }

        private mutating func add(_ x: [Double], label: Int) {
            let logits = weights.map { zip($0, x).reduce(0) { $0 + $1.0 * $1.1 } }
            let highest = logits.max() ?? 0
            let total = logits.reduce(0) { $0 + exp($1 - highest) }
            for position in classes.indices {
                let p = exp(logits[position] - highest) / total
                let delta = (p - (position == label ? 1 : 0)) * rowWeights[label]
                for f in x.indices { gradients[position][f] += delta * x[f] }
            }
        }

        private mutating func update(_ rowCount: Int) {
            let rho = Double(values.rho)
            let epsilon = Double(values.epsilon)
            for position in classes.indices {
                for f in gradients[position].indices {
                    let g = gradients[position][f] / Double(rowCount)
                    squaredGradients[position][f] =
                        rho * squaredGradients[position][f] + (1 - rho) * g * g
                    let u =
                        g * (squaredUpdates[position][f] + epsilon).squareRoot()
                        / (squaredGradients[position][f] + epsilon).squareRoot()
                    squaredUpdates[position][f] =
                        rho * squaredUpdates[position][f] + (1 - rho) * u * u
                    weights[position][f] -= Double(values.learningRate) * u
                    gradients[position][f] = 0
                }
            }
        }
    }

    /// Rows per class, classes of the table, those of the head and features; 4,096 classes of which few
    /// have rows.
    struct Size: Sendable, CustomStringConvertible {
        let counts: [Int]
        let classes: [Int]
        let featureCount: Int
        var description: String { "\(classes.count) classes, \(featureCount) features" }
    }

    static let sizes = [
        Size(
            counts: (0..<160).map { 1 + $0 % 3 }, classes: Array(5..<155), featureCount: 17),
        Size(counts: (0..<300).map { 1 + $0 % 2 }, classes: Array(0..<300), featureCount: 32),
        Size(
            counts: (0..<4_096).map { $0 % 97 == 0 ? 1 : 0 }, classes: Array(0..<4_096),
            featureCount: 5),
    ]

    @Test(arguments: sizes, [false, true]) func epochs(size: Size, isBalanced: Bool) throws {
        let table = integerTable(size.counts, featureCount: size.featureCount, modulus: 61)
        let values = HeadHyperparameters(
            epochCount: 2, batchSize: 48, dropout: 0, initialisation: .zero, seed: 21,
            isBalanced: isBalanced)
        var plain = PlainTrainer(table, classes: size.classes, isBalanced: isBalanced, values)
        let expected = plain.train()
        var reference: [UInt32]?
        for variant in KernelVariant.supported {
            let head = try HeadTrainer(
                table: table, hyperparameters: values, derivedFrom: nil,
                variant: variant
            ).train([spec(size.classes)])[0]
            var error = 0.0
            var largest = 0.0
            for (position, row) in expected.enumerated() {
                let found = Array(head.weights.row(position)) + [head.biases[position]]
                for (one, other) in zip(found, row) {
                    error = max(error, abs(Double(one) - other))
                    largest = max(largest, abs(other))
                }
            }
            #expect(error < 2e-5 && largest > 1e-3, "\(variant): \(error) of \(largest)")
            reference = reference ?? bits(head)
            #expect(bits(head) == reference, "\(variant)")
        }
    }

    /// Heads whose classes share one factor are certified by a second implementation.
    @Test(arguments: [(150, 17, false), (300, 32, true)])
    func optimum(classCount: Int, featureCount: Int, isBalanced: Bool) throws {
        let counts = (0..<classCount).map { 1 + $0 % 3 }
        let table = integerTable(counts, featureCount: featureCount, modulus: 61)
        let classes = Array(0..<classCount)
        let rowWeights = isBalanced ? ClassWeights.balanced(rowCounts: counts) : nil
        var reference: [UInt32]?
        for variant in KernelVariant.supported {
            let trained = try #require(
                ConvergedHeadTrainer(
                    table: table, isBalanced: isBalanced, l2: 1e-2, gradientTolerance: 1e-6,
                    variant: variant
                ).train([spec(classes)]).first)
            #expect(trained.isCertified)
            // More than the first few steps, so that all parts have had their turn.
            #expect(trained.iterationCount > 5)
            reference = reference ?? bits(trained.head)
            #expect(bits(trained.head) == reference, "\(variant)")
            let norm = objective(trained.head, table, rowWeights: rowWeights, l2: 1e-2).norm
            #expect(norm <= 1e-6 && abs(norm - trained.gradientNorm) < 1e-9)
        }
    }

    /// The strength of a penalty is chosen by the head over all classes: that may be many.
    @Test func choiceOfThePenalty() throws {
        let table = syntheticTable(classCount: 140, rowCount: 500, featureCount: 12)
        let choice = try ConvergedHeadTrainer.chooseL2(table: table, seed: 1)
        #expect(choice.curve.count >= 3)
        #expect(choice.curve.allSatisfy { $0.negativeLogLikelihood.isFinite })
    }

    /// Of 61 Gram matrices of 772 x 772 doubles 56 are kept at a time: no bit depends on which.
    @Test func matricesAreDroppedAndComputedAgain() throws {
        let table = integerTable(
            [400] + [Int](repeating: 1, count: 60), featureCount: 768, modulus: 61)
        let trainer = try ConvergedHeadTrainer(table: table, l2: 10)
        let specs = (1...60).map { spec([0, $0]) }
        let first = try trainer.train(specs).map { bits($0.head) }
        #expect(try trainer.train(Array(specs[..<3])).map { bits($0.head) } == Array(first[..<3]))
        let last = try ConvergedHeadTrainer(table: table, l2: 10).train([specs[59]])
        #expect(last.map { bits($0.head) } == [first[59]])
    }

    @Test func refusesHeadsBeyondMemory() throws {
        let classCount = 60_000
        let table = FeatureTable(
            features: FloatBuffer(count: 0), featureCount: 20_000,
            classRowCounts: [Int](repeating: 0, count: classCount))
        for training in [.epochs(HeadHyperparameters()), .optimum(l2: 0.1)] as [Training] {
            let trainer = try BundleTrainer(
                table: table, training: training,
                derivedFrom: nil, variant: KernelVariant.select(nil))
            #expect {
                try trainer.train([spec(Array(0..<classCount))])
            } throws: {
                ($0 as? HeadTrainingError)?.message.contains("weights") == true
            }
        }
    }
}
