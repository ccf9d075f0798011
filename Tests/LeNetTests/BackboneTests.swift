import Foundation
import LeNet
import Numerics
import OneDNN
import Testing

@Suite struct BackboneTests {
    @Test(
        arguments: [
            small(height: 28, width: 28, classes: 10, batchSize: 4),
            small(channels: 3, height: 32, width: 32, classes: 2, batchSize: 3, threads: 1),
            small(channels: 2, height: 7, width: 13, classes: 5, batchSize: 16),
        ])
    func featuresAreTheReferences(_ configuration: BackboneConfiguration) throws {
        let weights = try biased(configuration)
        let backbone = try Backbone(configuration, weights: weights)
        let reference = ReferenceNet(configuration, weights)
        let size = configuration.pixelCount
        let pixels = noise(6 * size, seed: 11)
        var reported: [Int] = []
        let features = try backbone.features(pixels: pixels) { reported.append($0) }
        #expect(features.rowCount == 6)
        #expect(features.columnCount == 256)
        #expect(reported.last == 6)
        for row in 0..<6 {
            let expected = reference.run(pixels[row * size..<(row + 1) * size]).features
            let apart = zip(features.row(row), expected).reduce(0) {
                max($0, abs(Double($1.0) - $1.1))
            }
            #expect(apart < 1e-4)
            #expect(expected.contains { $0 > 0.01 })
        }
    }

    /// Whole and cut tiles of the second convolution, one and several blocks of them, and an odd
    /// last row and column that pooling leaves out.
    @Test(arguments: [(6, 6), (7, 8), (8, 10), (9, 11), (10, 30), (22, 22), (23, 37)])
    func featuresAreTheReferencesForAnySize(height: Int, width: Int) throws {
        let configuration = small(channels: 2, height: height, width: width, batchSize: 3)
        let weights = try biased(configuration)
        let pixels = noise(2 * configuration.pixelCount, seed: 12)
        let features = try Backbone(configuration, weights: weights).features(pixels: pixels)
        let reference = ReferenceNet(configuration, weights)
        for row in 0..<2 {
            let size = configuration.pixelCount
            let expected = reference.run(pixels[row * size..<(row + 1) * size]).features
            let apart = zip(features.row(row), expected).reduce(0) {
                max($0, abs(Double($1.0) - $1.1))
            }
            #expect(apart < 1e-4)
        }
    }

    @Test func featuresOfNothingAreNothing() throws {
        let features = try Backbone(small()).features(pixels: [])
        #expect(features.rowCount == 0)
    }

    /// Three steps on one minibatch, each update written out from that step's gradient.
    @Test func adadeltaIsKeras() throws {
        var configuration = small()
        configuration.learningRate = 0.5
        configuration.rho = 0.9
        configuration.epsilon = 1e-6
        let backbone = try Backbone(configuration)
        let pixels = noise(8 * configuration.pixelCount, seed: 2)
        let labels = [0, 1, 2, 0, 1, 2, 0, 1]
        let start = try backbone.weights().tensors.map { $0.values.map(Double.init) }
        var weights = start
        var a = start.map { $0.map { _ in 0.0 } }
        var d = a
        for epoch in 0..<3 {
            let gradients = try backbone.gradients(epoch: epoch, pixels: pixels, labels: labels)
            try backbone.trainEpoch(epoch, pixels: pixels, labels: labels)
            for (tensor, gradient) in gradients.gradients.tensors.enumerated() {
                for index in gradient.values.indices {
                    let g = Double(gradient.values[index])
                    a[tensor][index] = 0.9 * a[tensor][index] + 0.1 * g * g
                    let u =
                        g * (d[tensor][index] + 1e-6).squareRoot()
                        / (a[tensor][index] + 1e-6).squareRoot()
                    weights[tensor][index] -= 0.5 * u
                    d[tensor][index] = 0.9 * d[tensor][index] + 0.1 * u * u
                }
            }
        }
        let found = try backbone.weights().tensors
        for (tensor, expected) in weights.enumerated() {
            let moved = zip(expected, start[tensor]).reduce(0) { max($0, abs($1.0 - $1.1)) }
            let apart = zip(found[tensor].values, expected).reduce(0) {
                max($0, abs(Double($1.0) - $1.1))
            }
            #expect(moved > 1e-4, "\(BackboneWeights.names[tensor])")
            #expect(apart < 1e-3 * moved, "\(BackboneWeights.names[tensor])")
        }
    }

    @Test func learnsWhatIsSeparable() throws {
        var configuration = small(height: 12, width: 12, classes: 4, batchSize: 16)
        configuration.learningRate = 1
        let backbone = try Backbone(configuration)
        let (pixels, labels) = Self.stripes(configuration, rowCount: 200)
        var losses: [Double] = []
        var accuracy = 0.0
        for epoch in 0..<8 {
            let progress = try backbone.trainEpoch(epoch, pixels: pixels, labels: labels)
            #expect(progress.rowsDone == 200)
            losses.append(progress.meanLoss)
            accuracy = progress.accuracy
        }
        #expect(losses[7] < losses[0] / 4, "\(losses)")
        #expect(accuracy > 0.9)
    }

    @Test(arguments: [1, 2])
    func theSameSeedGivesTheSameBits(threads: Int) throws {
        func train(seed: UInt64) throws -> BackboneWeights {
            let configuration = small(
                height: 12, width: 12, classes: 4, batchSize: 16, seed: seed, threads: threads)
            let (pixels, labels) = Self.stripes(configuration, rowCount: 50)
            let backbone = try Backbone(configuration)
            for epoch in 0..<2 {
                try backbone.trainEpoch(epoch, pixels: pixels, labels: labels)
            }
            return try backbone.weights()
        }
        let first = try train(seed: 1)
        #expect(try train(seed: 1) == first)
        #expect(try train(seed: 2) != first)
    }

    /// The dense layer's inner product has other last bits for other numbers of threads and of rows, in
    /// the library as it comes.
    @Test(
        arguments: [(8, 8), (28, 28), (36, 36), (64, 64), (65, 33)],
        [BackbonePrecision.fp32, .fp32Library])
    func neitherThreadsNorMinibatchesChangeFeatures(
        _ size: (Int, Int), precision: BackbonePrecision
    ) throws {
        var first: [Float]?
        for (batchSize, threads) in [(64, 1), (64, 2), (64, 4), (3, 1), (32, 2), (128, 4)] {
            var configuration = small(
                height: size.0, width: size.1, batchSize: batchSize, threads: threads)
            configuration.precision = precision
            let backbone = try Backbone(configuration, weights: biased(configuration))
            let pixels = noise(configuration.pixelCount * 70, seed: 7)
            let features = try backbone.features(pixels: pixels).values
            #expect(features == first ?? features, "\(batchSize) rows, \(threads) threads")
            first = features
            // A row alone, and another place in the minibatch.
            let last = try backbone.features(
                pixels: Array(pixels.suffix(configuration.pixelCount))
            ).values
            #expect(last == features.suffix(last.count))
        }
    }

    @Test func aCheckpointGoesOnBitForBit() throws {
        let configuration = small(height: 12, width: 12, classes: 4, batchSize: 16)
        let (pixels, labels) = Self.stripes(configuration, rowCount: 50)
        let whole = try Backbone(configuration)
        try whole.trainEpoch(0, pixels: pixels, labels: labels)
        let checkpoint = try whole.checkpoint()
        try whole.trainEpoch(1, pixels: pixels, labels: labels)
        let resumed = try Backbone(configuration, checkpoint: checkpoint)
        #expect(try resumed.checkpoint() == checkpoint)
        try resumed.trainEpoch(1, pixels: pixels, labels: labels)
        #expect(try resumed.checkpoint() == whole.checkpoint())
    }

    /// Made on one thread, trained on a second, read on a third: no state may stay behind.
    @Test(.timeLimit(.minutes(4)))
    func movesBetweenThreads() async throws {
        let configuration = small(height: 12, width: 12, classes: 4, batchSize: 16)
        let (pixels, labels) = Self.stripes(configuration, rowCount: 50)
        let stayed = try Backbone(configuration)
        try stayed.trainEpoch(0, pixels: pixels, labels: labels)
        // One thread at a time uses it: each is awaited before the next.
        let moved = try await onNewThread {
            UncheckedBox(try Backbone(configuration))
        }
        _ = try await onNewThread {
            try moved.value.trainEpoch(0, pixels: pixels, labels: labels)
        }
        let weights = try await onNewThread { try moved.value.weights() }
        #expect(try stayed.weights() == weights)
    }

    @Test(arguments: [2, 10, 37])
    func weightsComeBackExactly(classes: Int) throws {
        let configuration = small(channels: 3, height: 10, width: 9, classes: classes)
        let weights = try biased(configuration)
        #expect(try Backbone(configuration, weights: weights).weights() == weights)
    }

    /// With dense weights of zero and fc1's bias one, each hidden unit is its mask.
    @Test func dropoutDropsItsShareAndKeepsTheMean() throws {
        var configuration = small(classes: 2, batchSize: 64)
        configuration.denseDropout = 0.25
        // Glorot's biases are zero already.
        func zeros(_ tensor: BackboneTensor) -> BackboneTensor {
            BackboneTensor(
                shape: tensor.shape, values: [Float](repeating: 0, count: tensor.values.count))
        }
        var weights = try BackboneWeights.glorotUniform(configuration)
        weights.fc1Weight = zeros(weights.fc1Weight)
        weights.fc2Weight = zeros(weights.fc2Weight)
        weights.fc1Bias = BackboneTensor(shape: [256], values: [Float](repeating: 1, count: 256))
        let backbone = try Backbone(configuration, weights: weights)
        let pixels = noise(64 * configuration.pixelCount, seed: 1)
        let labels = [Int](repeating: 0, count: 64)
        // The gradient of fc2's first row is -0.5 times the mean kept unit.
        let first = try backbone.gradients(epoch: 0, pixels: pixels, labels: labels)
        let kept = first.gradients.fc2Weight.values[..<256].map { -2 * $0 }
        let mean = kept.reduce(0, +) / 256
        #expect(abs(mean - 1) < 0.02)
        let distinct = Set(kept.map { ($0 * 64 * 0.75).rounded() })
        #expect(distinct.count > 8)
        let second = try backbone.gradients(epoch: 1, pixels: pixels, labels: labels)
        #expect(second.gradients != first.gradients)
    }

    @Test func glorotStaysWithinItsLimitAndFillsIt() throws {
        let configuration = small(channels: 3, height: 28, width: 28, classes: 10)
        let weights = try BackboneWeights.glorotUniform(configuration)
        let limits: [(BackboneTensor, Float)] = [
            (weights.conv1Weight, (6 / Float((3 + 32) * 9)).squareRoot()),
            (weights.conv2Weight, (6 / Float((32 + 64) * 9)).squareRoot()),
            (weights.fc1Weight, (6 / Float(9216 + 256)).squareRoot()),
            (weights.fc2Weight, (6 / Float(256 + 10)).squareRoot()),
        ]
        for (tensor, limit) in limits {
            let largest = tensor.values.reduce(0) { max($0, abs($1)) }
            let mean = tensor.values.reduce(0) { $0 + Double($1) } / Double(tensor.values.count)
            #expect(largest <= limit)
            #expect(largest > 0.97 * limit)
            #expect(abs(mean) < Double(limit) / 10)
        }
        #expect(weights.fc1Bias.values.allSatisfy { $0 == 0 })
    }

    @Test func keepingClassesTakesTheirRows() throws {
        let weights = try biased(small(classes: 5))
        let kept = weights.keepingClasses([3, 0])
        #expect(kept.fc2Weight.shape == [2, 256])
        #expect(kept.fc2Weight.values[256..<512] == weights.fc2Weight.values[0..<256])
        #expect(kept.fc2Bias.values == [weights.fc2Bias.values[3], weights.fc2Bias.values[0]])
        #expect(kept.conv1Weight == weights.conv1Weight)
        _ = try Backbone(small(classes: 2), weights: kept)
    }

    @Test func progressIsReportedAndAnErrorEndsTheEpoch() throws {
        struct Stop: Error {}
        let configuration = small(batchSize: 4)
        let backbone = try Backbone(configuration)
        let pixels = noise(10 * configuration.pixelCount, seed: 1)
        let labels = (0..<10).map { $0 % 3 }
        var done: [Int] = []
        try backbone.trainEpoch(0, pixels: pixels, labels: labels) { done.append($0.rowsDone) }
        #expect(done == [4, 8, 10])
        var calls = 0
        #expect(throws: Stop.self) {
            try backbone.trainEpoch(1, pixels: pixels, labels: labels) { _ in
                calls += 1
                throw Stop()
            }
        }
        #expect(calls == 1)
    }

    /// Noisy images with a bright stripe whose place is the class.
    static func stripes(
        _ configuration: BackboneConfiguration, rowCount: Int
    ) -> (pixels: [UInt8], labels: [Int]) {
        let labels = (0..<rowCount).map { $0 * 7 % configuration.classCount }
        var pixels = noise(rowCount * configuration.pixelCount, seed: 21).map { $0 / 4 }
        for (row, label) in labels.enumerated() {
            for column in 0..<configuration.width {
                let line = 2 * label + 1
                let index =
                    row * configuration.pixelCount + line * configuration.width + column
                pixels[index] += 180
            }
        }
        return (pixels, labels)
    }
}

/// Carries a backbone between threads that use it one after the other.
private struct UncheckedBox: @unchecked Sendable {
    let value: Backbone

    init(_ value: Backbone) {
        self.value = value
    }
}

/// Runs `body` on a thread of its own.
private func onNewThread<Result: Sendable>(
    _ body: @escaping @Sendable () throws -> Result
) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        Thread { continuation.resume(with: Swift.Result { try body() }) }.start()
    }
}
