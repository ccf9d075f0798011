import CBackboneKernels
import LeNet
import Numerics
import OneDNN
import Testing

/// The heavy products through oneDNN, unrounded on any processor, rounded where it can.
@Suite struct PrecisionTests {
    /// Precisions this processor has, and how far they may be from our own fp32.
    ///
    /// As a share of the gradient's length. Where a maximum of four is nearly another, rounding
    /// chooses another.
    private static let available: [(BackbonePrecision, Float)] =
        [(.fp32Library, 2e-5)] + (Engine.computesBfloat16 ? [(.bf16, 0.15)] : [])

    /// Even and odd outputs of the second convolution, whole and part minibatches.
    @Test(
        arguments: available,
        [(1, 28, 28, 16), (2, 7, 13, 16), (3, 32, 32, 5), (1, 9, 11, 3)])
    func gradientsAreThoseOfOwnConvolutions(
        _ precision: (BackbonePrecision, Float), _ images: (Int, Int, Int, Int)
    ) throws {
        var configuration = small(
            channels: images.0, height: images.1, width: images.2, classes: 4, batchSize: 16)
        let weights = try biased(configuration)
        let pixels = noise(images.3 * configuration.pixelCount, seed: 5)
        let labels = (0..<images.3).map { $0 % 4 }
        let own = try Backbone(configuration, weights: weights)
            .gradients(epoch: 3, pixels: pixels, labels: labels)
        configuration.precision = precision.0
        let library = try Backbone(configuration, weights: weights)
            .gradients(epoch: 3, pixels: pixels, labels: labels)
        #expect(abs(library.loss - own.loss) < Double(precision.1) * own.loss)
        for (index, tensor) in own.gradients.tensors.enumerated() {
            let found = library.gradients.tensors[index].values
            let size = tensor.values.reduce(0) { $0 + $1 * $1 }.squareRoot()
            let apart = zip(found, tensor.values).reduce(0) {
                $0 + ($1.0 - $1.1) * ($1.0 - $1.1)
            }.squareRoot()
            #expect(size > 0)
            #expect(apart <= precision.1 * size, "\(BackboneWeights.names[index])")
        }
    }

    @Test(arguments: available)
    func learnsAndGoesOnBitForBit(_ precision: (BackbonePrecision, Float)) throws {
        var configuration = small(height: 12, width: 12, classes: 4, batchSize: 16)
        configuration.precision = precision.0
        let (pixels, labels) = BackboneTests.stripes(configuration, rowCount: 200)
        let whole = try Backbone(configuration)
        var accuracy = 0.0
        for epoch in 0..<8 {
            accuracy = try whole.trainEpoch(epoch, pixels: pixels, labels: labels).accuracy
        }
        #expect(accuracy > 0.9)
        let checkpoint = try whole.checkpoint()
        let before = try whole.features(pixels: pixels)
        let resumed = try Backbone(configuration, checkpoint: checkpoint)
        #expect(try resumed.features(pixels: pixels) == before)
        try whole.trainEpoch(8, pixels: pixels, labels: labels)
        try resumed.trainEpoch(8, pixels: pixels, labels: labels)
        #expect(try resumed.checkpoint() == whole.checkpoint())
        let after = try whole.features(pixels: pixels)
        #expect(try resumed.features(pixels: pixels) == after)
        #expect(after != before)
    }

    /// To the nearest, ties to even, by the definition in double precision; on any processor.
    @Test func roundingIsToTheNearest() {
        var numbers: [Float] = [
            0, -0.0, 1, -1, 1.00390625, 1.01171875, -1.00390625, .greatestFiniteMagnitude,
            -.greatestFiniteMagnitude, .leastNonzeroMagnitude, .leastNormalMagnitude, .infinity,
            -.infinity, .nan, Float(bitPattern: 0x7F80_0001), Float(bitPattern: 0xFFFF_FFFF),
        ]
        for index in 0..<4_080 {
            let bits = Philox.block(seed: 6, UInt32(index), 0, 0, 0).x
            // Half of them exactly between two.
            numbers.append(
                Float(bitPattern: index % 2 == 0 ? bits : bits & 0xFFFF_0000 | 0x8000))
        }
        var halves = [UInt16](repeating: 0, count: numbers.count)
        unsafe backbone_narrow_copy(
            numbers, &halves, backbone_number_bf16, numbers.count, 2)
        for (number, half) in zip(numbers, halves) {
            let found = Float(bitPattern: UInt32(half) << 16)
            if number.isNaN {
                #expect(found.isNaN)
                continue
            }
            let below = Float(bitPattern: number.bitPattern & 0xFFFF_0000)
            let above = Float(bitPattern: (number.bitPattern & 0xFFFF_0000) &+ 0x1_0000)
            let rest = number.bitPattern & 0xFFFF
            let isOdd = number.bitPattern & 0x1_0000 != 0
            let goesUp = rest > 0x8000 || rest == 0x8000 && isOdd
            #expect(found.bitPattern == (goesUp ? above : below).bitPattern, "\(number)")
        }
    }

    @Test(.enabled(if: !Engine.computesBfloat16))
    func bf16IsRefusedWhereTheProcessorLacksIt() throws {
        var configuration = small()
        configuration.precision = .bf16
        #expect {
            _ = try Backbone(configuration)
        } throws: { error in
            (error as? BackboneError)?.code == .invalidConfiguration
                && "\(error)" == "this processor has no bf16 instructions; use the precision fp32"
        }
    }
}
