import ImageData
import LeNet
import Model
import Numerics
import Synchronization

/// A model's backbone, which makes features of images for one caller at a time.
final class FeatureExtractor: Sendable {
    /// What it reads.
    let shape: ImageShape
    private let backbone: Mutex<Backbone>

    /// - Throws: ``PredictionError`` for a model that does not say its images' shape, and weights that
    ///   do not fit it.
    init(
        _ weights: BackboneWeights, _ model: Model, threadCount: Int
    ) throws(PredictionError) {
        guard let shape = model.imageShape else {
            throw PredictionError(
                .data,
                "the model's file does not say which images its backbone reads (image_shape): it is of an earlier version; train it again, or resume its run"
            )
        }
        self.shape = shape
        var configuration = BackboneConfiguration(
            channelCount: shape.channelCount, height: shape.height, width: shape.width,
            classCount: model.classCount, seed: 0, threadCount: threadCount)
        configuration.batchSize = Backbone.featureRowCount
        do throws(BackboneError) {
            backbone = Mutex(try Backbone(configuration, weights: weights))
        } catch {
            throw PredictionError(.data, "the model's backbone cannot be used: \(error.message)")
        }
    }

    /// Features of images, `[sample, feature]`.
    ///
    /// - Throws: ``PredictionError`` for images of another shape.
    func features(_ pixels: [UInt8], _ shape: ImageShape) throws(PredictionError) -> Matrix {
        guard shape == self.shape else {
            throw PredictionError(
                .data, "the images are \(shape), and the model's are \(self.shape)")
        }
        do {
            return try backbone.withLock { try $0.features(pixels: pixels) }
        } catch {
            throw PredictionError(.data, "the backbone cannot read the images: \(error)")
        }
    }
}
