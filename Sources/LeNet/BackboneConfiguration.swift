import Numerics
import OneDNN

/// The numbers the backbone's heavy products are computed in.
///
/// Weights, sums and everything else are fp32 in each.
package enum BackbonePrecision: String, Sendable, CaseIterable {
    /// Our own convolutions, in fp32.
    case fp32
    /// The second convolution and the dense layer multiply numbers rounded to bf16, through
    /// oneDNN; only on processors that have instructions for it.
    case bf16
    /// What `bf16` does, without rounding: for checking it on any processor.
    case fp32Library = "fp32-library"

    /// Whether this processor computes it.
    package var isAvailable: Bool { self != .bf16 || Engine.computesBfloat16 }
}

/// What a backbone's bits depend on, besides its data and the type of processor.
package struct BackboneConfiguration: Sendable, Hashable {
    /// Channels of an image: 1 for grey, 3 for colour.
    package var channelCount: Int
    /// Rows of an image, at least 6.
    package var height: Int
    /// Columns of an image, at least 6.
    package var width: Int
    /// Outputs, at least 2.
    package var classCount: Int
    /// Rows of a minibatch; an epoch's last one may be smaller.
    package var batchSize = 128
    /// Adadelta's factor of each update; the well-known trap is .001, with which nothing is learnt.
    package var learningRate: Float = 1
    /// Adadelta's decay of both running means, below 1.
    package var rho: Float = 0.95
    /// Adadelta's term inside both roots, above 0.
    package var epsilon: Float = 1e-7
    /// Share of the flattened pooling outputs dropped while training, to the nearest 1/256.
    package var flattenDropout = 0.25
    /// Share of the dense layer's outputs dropped while training, to the nearest 1/256.
    package var denseDropout = 0.5
    /// Numbers of the heavy products.
    package var precision = BackbonePrecision.fp32
    /// What loss and gradient of a row are multiplied by, by its label; nil: by nothing.
    ///
    /// The sum over a minibatch is divided by the number of its rows all the same.
    package var classWeights: [Float]?
    /// What initial weights, epoch orders and dropout masks are drawn by.
    package var seed: UInt64
    /// Threads oneDNN computes with; another number may change last bits.
    package var threadCount: Int

    /// A configuration with the published hyperparameters; `Backbone` checks the values.
    package init(
        channelCount: Int, height: Int, width: Int, classCount: Int, seed: UInt64, threadCount: Int
    ) {
        self.channelCount = channelCount
        self.height = height
        self.width = width
        self.classCount = classCount
        self.seed = seed
        self.threadCount = threadCount
    }

    /// Features a sample has: the dense layer's outputs.
    package static let featureCount = 256

    /// Bytes of an image.
    package var pixelCount: Int { channelCount * height * width }

    /// Floating-point operations that turn an image into its features; a multiply-add is two.
    ///
    /// Training on an image costs about three times as many.
    package var featureFlops: Double {
        let first = (height - 2) * (width - 2) * 32 * channelCount * 9
        let second = (height - 4) * (width - 4) * 64 * 32 * 9
        let dense = pooledHeight * pooledWidth * 64 * Self.featureCount
        return 2 * Double(first + second + dense)
    }

    /// Floating-point operations of an image's whole forward pass.
    package var forwardFlops: Double {
        featureFlops + 2 * Double(Self.featureCount * classCount)
    }

    var pooledHeight: Int { (height - 4) / 2 }
    var pooledWidth: Int { (width - 4) / 2 }

    /// Shapes of the weights in the order of `BackboneWeights.tensors`.
    var weightShapes: [[Int]] {
        [
            [32, channelCount, 3, 3], [32], [64, 32, 3, 3], [64],
            [Self.featureCount, 64 * pooledHeight * pooledWidth], [Self.featureCount],
            [classCount, Self.featureCount], [classCount],
        ]
    }

    /// - Throws: `BackboneError.invalidConfiguration`, naming the first value out of range.
    func check() throws(BackboneError) {
        try Self.check("channels", channelCount, in: 1...4096)
        try Self.check("image height", height, in: 6...4096)
        try Self.check("image width", width, in: 6...4096)
        try Self.check("classes", classCount, in: 2...1 << 20)
        try Self.check("rows of a minibatch", batchSize, in: 1...65_536)
        try Self.check("threads", threadCount, in: 1...1024)
        let largest = max(
            batchSize * 64 * (height - 4) * (width - 4), batchSize * pixelCount,
            batchSize * classCount, 256 * 64 * pooledHeight * pooledWidth)
        guard largest <= Int(Int32.max) else {
            throw .invalidConfiguration(
                "a tensor of \(largest) numbers is too large; use smaller images or minibatches")
        }
        guard learningRate.isFinite, learningRate >= 0 else {
            throw .invalidConfiguration(
                "the learning rate \(learningRate) must be a number from 0 up")
        }
        guard rho >= 0, rho < 1 else {
            throw .invalidConfiguration("Adadelta's rho \(rho) must be from 0 to below 1")
        }
        guard epsilon.isFinite, epsilon > 0 else {
            throw .invalidConfiguration("Adadelta's epsilon \(epsilon) must be above 0")
        }
        if let classWeights {
            guard classWeights.count == classCount,
                classWeights.allSatisfy({ $0.isFinite && $0 >= 0 })
            else {
                throw .invalidConfiguration(
                    "there must be a weight from 0 up for each of the \(classCount.counted("class"))"
                )
            }
        }
        for share in [flattenDropout, denseDropout] where !(share >= 0 && share <= 0.99) {
            throw .invalidConfiguration("the dropout \(share) must be from 0 to 0.99")
        }
    }

    private static func check(
        _ name: String, _ value: Int, in range: ClosedRange<Int>
    ) throws(BackboneError) {
        guard range.contains(value) else {
            throw .invalidConfiguration(
                "\(value) is no possible number of \(name); use one from \(range.lowerBound) to"
                    + " \(range.upperBound)")
        }
    }

    /// - Throws: `BackboneError.invalidData` unless the data fit the configuration.
    func check(pixels: [UInt8], labels: [Int]) throws(BackboneError) {
        let rows = try rowCount(pixels: pixels)
        guard labels.count == rows else {
            throw .invalidData(
                "\(labels.count.counted("label")) for \(rows.counted("image")); give one label per image"
            )
        }
        guard rows > 0 else {
            throw .invalidData("there is no image to train on; keep at least one")
        }
        for (row, label) in labels.enumerated() where label < 0 || label >= classCount {
            throw .invalidData(
                "row \(row) has label \(label), but there are \(classCount.counted("class")), numbered"
                    + " from 0; re-index the labels")
        }
    }

    /// - Throws: `BackboneError.invalidData` unless `pixels` are whole images.
    func rowCount(pixels: [UInt8]) throws(BackboneError) -> Int {
        guard pixels.count.isMultiple(of: pixelCount) else {
            throw .invalidData(
                "\(pixels.count) pixels are no whole number of images of \(channelCount) x"
                    + " \(height) x \(width); check the image size")
        }
        let rows = pixels.count / pixelCount
        guard rows <= Int(UInt32.max) else {
            throw .invalidData("\(rows.counted("image")) are too many; use at most 2^32")
        }
        return rows
    }
}
