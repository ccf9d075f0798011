import LeNet
import Numerics

/// A second LeNet, as dumb as can be: plain loops over doubles, one image at a time.
struct ReferenceNet {
    let configuration: BackboneConfiguration
    /// In the order of `BackboneWeights.tensors`, row-major.
    var tensors: [[Double]]

    init(_ configuration: BackboneConfiguration, _ weights: BackboneWeights) {
        self.configuration = configuration
        tensors = weights.tensors.map { $0.values.map(Double.init) }
    }

    /// One valid 3x3 convolution and ReLU of `[channel, height, width]`.
    private func convolve(
        _ input: [Double], _ channels: Int, _ height: Int, _ width: Int, layer: Int, outputs: Int
    ) -> [Double] {
        let (weights, biases) = (tensors[layer], tensors[layer + 1])
        var result: [Double] = []
        result.reserveCapacity(outputs * (height - 2) * (width - 2))
        for output in 0..<outputs {
            for row in 0..<height - 2 {
                for column in 0..<width - 2 {
                    var sum = biases[output]
                    for channel in 0..<channels {
                        for tap in 0..<9 {
                            sum +=
                                weights[(output * channels + channel) * 9 + tap]
                                * input[
                                    (channel * height + row + tap / 3) * width + column + tap % 3]
                        }
                    }
                    result.append(max(0, sum))
                }
            }
        }
        return result
    }

    private func pool(_ input: [Double], _ height: Int, _ width: Int) -> [Double] {
        var result: [Double] = []
        for channel in 0..<64 {
            for row in 0..<height / 2 {
                for column in 0..<width / 2 {
                    let base = (channel * height + 2 * row) * width + 2 * column
                    result.append(
                        max(
                            input[base], input[base + 1], input[base + width],
                            input[base + width + 1]))
                }
            }
        }
        return result
    }

    private func dense(_ input: [Double], layer: Int) -> [Double] {
        let (weights, biases) = (tensors[layer], tensors[layer + 1])
        return biases.indices.map { output in
            var sum = biases[output]
            for index in input.indices {
                sum += weights[output * input.count + index] * input[index]
            }
            return sum
        }
    }

    /// The share and purpose's scale for a unit: zero if it is dropped.
    private func mask(
        _ share: Double, _ purpose: RandomPurpose, row: Int, epoch: Int, unit: Int
    ) -> Double {
        let threshold = UInt32((share * 256).rounded())
        let words = Philox.block(
            seed: configuration.seed, purpose: purpose, UInt32(row), UInt32(epoch), 0,
            index: UInt32(unit / 16))
        let byte = words[unit % 16 / 4] >> (8 * UInt32(unit % 4)) & 255
        return byte < threshold ? 0 : 256 / Double(256 - threshold)
    }

    /// Features of an image, and its logits; `dropout` names the row and epoch of the masks.
    func run(
        _ image: ArraySlice<UInt8>, dropout: (row: Int, epoch: Int)? = nil
    ) -> (features: [Double], logits: [Double]) {
        let (height, width) = (configuration.height, configuration.width)
        let input = image.map { Double(Float($0) / 255) }
        let first = convolve(
            input, configuration.channelCount, height, width, layer: 0, outputs: 32)
        let second = convolve(first, 32, height - 2, width - 2, layer: 2, outputs: 64)
        var pooled = pool(second, height - 4, width - 4)
        let positions = pooled.count / 64
        if let dropout {
            for channel in 0..<64 {
                for position in 0..<positions {
                    pooled[channel * positions + position] *= mask(
                        configuration.flattenDropout, .flattenDropout, row: dropout.row,
                        epoch: dropout.epoch, unit: position * 64 + channel)
                }
            }
        }
        let features = dense(pooled, layer: 4).map { max(0, $0) }
        var kept = features
        if let dropout {
            for unit in kept.indices {
                kept[unit] *= mask(
                    configuration.denseDropout, .denseDropout, row: dropout.row,
                    epoch: dropout.epoch, unit: unit)
            }
        }
        return (features, dense(kept, layer: 6))
    }

    /// Mean cross-entropy with an epoch's dropout, row `i` of the data being row `i` of the masks.
    func loss(pixels: [UInt8], labels: [Int], epoch: Int) -> Double {
        let size = configuration.pixelCount
        var sum = 0.0
        for (row, label) in labels.enumerated() {
            let logits = run(
                pixels[row * size..<(row + 1) * size], dropout: (row: row, epoch: epoch)
            ).logits
            let largest = logits.reduce(-.infinity, max)
            var total = 0.0
            for logit in logits { total += Self.exp(logit - largest) }
            sum += Self.log(total) - (logits[label] - largest)
        }
        return sum / Double(labels.count)
    }

    /// Taylor's series after halving the argument until it is small.
    private static func exp(_ x: Double) -> Double {
        var (small, halvings) = (x, 0)
        while abs(small) > 0.1 { (small, halvings) = (small / 2, halvings + 1) }
        var (term, sum) = (1.0, 1.0)
        for index in 1..<14 {
            term *= small / Double(index)
            sum += term
        }
        for _ in 0..<halvings { sum *= sum }
        return sum
    }

    /// Newton's method on `exp`, for arguments from 1 up.
    private static func log(_ x: Double) -> Double {
        var guess = 0.0
        for _ in 0..<60 { guess += x / exp(guess) - 1 > 1 ? 1 : x / exp(guess) - 1 }
        return guess
    }
}

/// Test images: noise that is a function of the seed.
func noise(_ count: Int, seed: UInt64) -> [UInt8] {
    (0..<UInt32(count)).map {
        UInt8(truncatingIfNeeded: Philox.block(seed: seed, $0, 0, 0, 0).x)
    }
}

/// A small configuration for tests.
func small(
    channels: Int = 1, height: Int = 8, width: Int = 8, classes: Int = 3, batchSize: Int = 8,
    seed: UInt64 = 1, threads: Int = 2
) -> BackboneConfiguration {
    var configuration = BackboneConfiguration(
        channelCount: channels, height: height, width: width, classCount: classes, seed: seed,
        threadCount: threads)
    configuration.batchSize = batchSize
    return configuration
}

/// Weights with biases that are not zero, so that a lost bias shows.
func biased(_ configuration: BackboneConfiguration) throws -> BackboneWeights {
    var weights = try BackboneWeights.glorotUniform(configuration)
    func bias(_ tensor: BackboneTensor, _ salt: UInt32) -> BackboneTensor {
        let values = (0..<UInt32(tensor.values.count)).map {
            0.2 * Philox.uniform(Philox.block(seed: 99, $0, salt, 0, 0).x) - 0.1
        }
        return BackboneTensor(shape: tensor.shape, values: values)
    }
    weights.conv1Bias = bias(weights.conv1Bias, 1)
    weights.conv2Bias = bias(weights.conv2Bias, 2)
    weights.fc1Bias = bias(weights.fc1Bias, 3)
    weights.fc2Bias = bias(weights.fc2Bias, 4)
    return weights
}
