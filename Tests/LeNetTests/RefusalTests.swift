import LeNet
import OneDNN
import Testing

/// What users may get wrong is thrown, never trapped.
@Suite struct RefusalTests {
    typealias Change = @Sendable (inout BackboneConfiguration) -> Void

    static let bad: [(String, Change)] = [
        ("one class", { $0.classCount = 1 }),
        ("negative classes", { $0.classCount = -3 }),
        ("small image", { $0.height = 5 }),
        ("narrow image", { $0.width = 0 }),
        ("enormous image", { $0.height = .max }),
        ("no channel", { $0.channelCount = 0 }),
        ("empty minibatch", { $0.batchSize = 0 }),
        ("enormous tensor", { ($0.height, $0.width, $0.batchSize) = (4096, 4096, 65_536) }),
        ("no thread", { $0.threadCount = 0 }),
        ("rate", { $0.learningRate = .nan }),
        ("negative rate", { $0.learningRate = -1 }),
        ("rho", { $0.rho = 1 }),
        ("epsilon", { $0.epsilon = 0 }),
        ("dropout", { $0.denseDropout = 1 }),
        ("dropout not a number", { $0.flattenDropout = .nan }),
    ]

    @Test(arguments: bad.map(\.0))
    func badConfigurations(_ name: String) throws {
        var configuration = small()
        for (other, change) in Self.bad where other == name { change(&configuration) }
        let error = #expect(throws: BackboneError.self) { _ = try Backbone(configuration) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.description.isEmpty == false)
    }

    @Test(arguments: [(128, [0, 3]), (128, [0, -1]), (128, [0]), (127, [0, 1]), (0, [])])
    func badData(_ pixelCount: Int, _ labels: [Int]) throws {
        let pixels = [UInt8](repeating: 0, count: pixelCount)
        let backbone = try Backbone(small())
        let error = #expect(throws: BackboneError.self) {
            try backbone.trainEpoch(0, pixels: pixels, labels: labels)
        }
        #expect(error?.code == .invalidData)
        let other = #expect(throws: BackboneError.self) {
            try backbone.gradients(epoch: 0, pixels: pixels, labels: labels)
        }
        #expect(other?.code == .invalidData)
    }

    @Test func badEpochsAndTooManyRows() throws {
        let backbone = try Backbone(small(batchSize: 2))
        let pixels = [UInt8](repeating: 0, count: 3 * 64)
        let negative = #expect(throws: BackboneError.self) {
            try backbone.trainEpoch(-1, pixels: pixels, labels: [0, 1, 2])
        }
        #expect(negative?.code == .invalidData)
        let large = #expect(throws: BackboneError.self) {
            try backbone.gradients(epoch: 0, pixels: pixels, labels: [0, 1, 2])
        }
        #expect(large?.code == .invalidData)
        let cut = #expect(throws: BackboneError.self) {
            try backbone.features(pixels: [1, 2, 3])
        }
        #expect(cut?.code == .invalidData)
    }

    @Test func weightsOfAnotherShape() throws {
        let weights = try BackboneWeights.glorotUniform(small(classes: 4))
        let error = #expect(throws: BackboneError.self) {
            _ = try Backbone(small(classes: 3), weights: weights)
        }
        #expect(error?.code == .invalidWeights)
        #expect(error?.message.contains("fc2.weight") == true)
        var checkpoint = try Backbone(small()).checkpoint()
        checkpoint.squaredUpdates = weights
        let mixed = checkpoint
        #expect(throws: BackboneError.self) { _ = try Backbone(small(), checkpoint: mixed) }
    }

    @Test func aLossThatIsNoNumber() throws {
        let configuration = small()
        var weights = try BackboneWeights.glorotUniform(configuration)
        weights.fc2Bias = BackboneTensor(shape: [3], values: [.nan, 0, 0])
        let backbone = try Backbone(configuration, weights: weights)
        let error = #expect(throws: BackboneError.self) {
            try backbone.trainEpoch(
                0, pixels: [UInt8](repeating: 9, count: 64), labels: [1])
        }
        #expect(error?.code == .diverged)
    }

    @Test func oneDNNSaysWhatItCannotDo() throws {
        let engine = try Engine(threadCount: 1)
        let one = try MemoryDescriptor([1, 16])
        let error = #expect(throws: OneDNNError.self) {
            _ = try PrimitiveDescriptor.denseForward(
                source: one, weights: MemoryDescriptor([4, 9]), bias: MemoryDescriptor([4]),
                destination: MemoryDescriptor([1, 4]), relu: false, engine)
        }
        #expect(error?.code == .invalidArguments)
    }
}
