import LeNet
import Numerics
import Testing

/// Every layer's gradient against central differences of the reference's loss, which is in
/// doubles and shares no code with the backbone.
@Suite struct GradientTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let configuration: BackboneConfiguration
        let rowCount: Int
        let probes: Int
        var testDescription: String {
            let size = "\(configuration.channelCount)x\(configuration.height)"
            return "\(size)x\(configuration.width) dropout \(configuration.flattenDropout)"
        }
    }

    static var cases: [Case] {
        var plain = small(channels: 2, height: 8, width: 9, classes: 3)
        plain.flattenDropout = 0
        plain.denseDropout = 0
        let dropped = small(channels: 1, height: 11, width: 8, classes: 2, seed: 5, threads: 1)
        var uneven = small(channels: 3, height: 6, width: 6, classes: 17, batchSize: 4)
        uneven.flattenDropout = 0.1
        return [
            Case(configuration: plain, rowCount: 8, probes: 12),
            Case(configuration: dropped, rowCount: 5, probes: 12),
            Case(configuration: uneven, rowCount: 3, probes: 12),
            Case(configuration: small(height: 28, width: 28, classes: 10), rowCount: 2, probes: 2),
            Case(
                configuration: small(channels: 3, height: 32, width: 32, classes: 10), rowCount: 2,
                probes: 2),
        ]
    }

    @Test(.timeLimit(.minutes(4)), arguments: cases)
    func agreesWithFiniteDifferences(_ example: Case) throws {
        let configuration = example.configuration
        let weights = try biased(configuration)
        let backbone = try Backbone(configuration, weights: weights)
        let pixels = noise(example.rowCount * configuration.pixelCount, seed: 7)
        let labels = (0..<example.rowCount).map { $0 % configuration.classCount }
        var reference = ReferenceNet(configuration, weights)

        let (loss, gradients) = try backbone.gradients(epoch: 3, pixels: pixels, labels: labels)
        let expected = reference.loss(pixels: pixels, labels: labels, epoch: 3)
        #expect(abs(loss - expected) < 1e-4)
        #expect(try backbone.weights() == weights)

        let step = 1e-6
        for (index, tensor) in gradients.tensors.enumerated() {
            let largest = tensor.values.reduce(0) { max($0, abs($1)) }
            #expect(largest > 0, "\(BackboneWeights.names[index])")
            for probe in 0..<example.probes {
                let draw = Philox.block(seed: 3, UInt32(index), UInt32(probe), 0, 0).x
                let position = Int(draw) % tensor.values.count
                let before = reference.tensors[index][position]
                reference.tensors[index][position] = before + step
                let above = reference.loss(pixels: pixels, labels: labels, epoch: 3)
                reference.tensors[index][position] = before - step
                let below = reference.loss(pixels: pixels, labels: labels, epoch: 3)
                reference.tensors[index][position] = before
                let difference = (above - below) / (2 * step)
                let found = Double(tensor.values[position])
                #expect(
                    abs(found - difference) < 1e-3 * Double(largest) + 1e-7,
                    "\(BackboneWeights.names[index]) [\(position)]: \(found), not \(difference)")
            }
        }
    }

    /// A class that weighs twice as much is one whose rows are there twice, but for the number of rows
    /// that the sum is divided by.
    @Test func aWeightOfTwoIsARowTwice() throws {
        var configuration = small(classes: 3, batchSize: 16)
        configuration.flattenDropout = 0
        configuration.denseDropout = 0
        let size = configuration.pixelCount
        let pixels = noise(6 * size, seed: 4)
        let labels = [0, 1, 2, 1, 0, 2]
        let twice = [1, 3]
        let plain = try Backbone(configuration).gradients(
            epoch: 0, pixels: pixels + twice.flatMap { pixels[$0 * size..<($0 + 1) * size] },
            labels: labels + twice.map { labels[$0] })
        configuration.classWeights = [1, 2, 1]
        let weighted = try Backbone(configuration).gradients(
            epoch: 0, pixels: pixels, labels: labels)
        let scale: Float = 8 / 6
        #expect(abs(weighted.loss - plain.loss * Double(scale)) < 1e-5)
        for (one, other) in zip(weighted.gradients.tensors, plain.gradients.tensors) {
            let largest = one.values.reduce(0) { max($0, abs($1)) }
            let apart = zip(one.values, other.values).reduce(0) {
                max($0, abs($1.0 - $1.1 * scale))
            }
            #expect(largest > 0)
            #expect(apart <= 1e-4 * largest + 1e-8)
        }
    }

    @Test(arguments: [[1, 1], [1, 1, -1], [1, .nan, 1], []] as [[Float]])
    func refusesWeightsThatAreNone(weights: [Float]) {
        var configuration = small(classes: 3)
        configuration.classWeights = weights
        #expect(throws: BackboneError.self) { try Backbone(configuration) }
    }

    /// A minibatch that is not full gives what a full one of its size gives.
    @Test func aPartialMinibatchIsTheMeanOverItsOwnRows() throws {
        let whole = small(classes: 4, batchSize: 5)
        var wide = whole
        wide.batchSize = 32
        let pixels = noise(5 * whole.pixelCount, seed: 4)
        let labels = [0, 1, 2, 3, 1]
        let exact = try Backbone(whole).gradients(epoch: 0, pixels: pixels, labels: labels)
        let padded = try Backbone(wide).gradients(epoch: 0, pixels: pixels, labels: labels)
        #expect(abs(exact.loss - padded.loss) < 1e-6)
        for (one, other) in zip(exact.gradients.tensors, padded.gradients.tensors) {
            let largest = one.values.reduce(0) { max($0, abs($1)) }
            let apart = zip(one.values, other.values).reduce(0) { max($0, abs($1.0 - $1.1)) }
            #expect(apart <= 1e-4 * largest + 1e-8)
        }
    }
}
