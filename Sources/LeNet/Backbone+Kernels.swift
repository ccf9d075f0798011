import CBackboneKernels
import Numerics
import OneDNN

/// Inverted dropout by one random byte per unit: exact for multiples of 1/256.
struct Dropout {
    /// A unit is kept if its byte is at least this.
    let threshold: UInt32
    /// What keeps the mean: one over the share kept.
    let scale: Float

    /// - Parameter share: from 0 to below 1, rounded to the nearest 1/256.
    init(share: Double) {
        threshold = UInt32((share * 256).rounded())
        scale = 256 / Float(256 - threshold)
    }
}

/// The calls into our own C: everything that is elementwise.
extension Backbone {
    private var threads: Int32 { Int32(configuration.threadCount) }

    /// Fills `input` with the rows' pixels, and with zeros up to a whole minibatch.
    func loadInput(_ pixels: [UInt8], rows: [UInt32]) {
        unsafe pixels.withUnsafeBufferPointer { bytes in
            unsafe rows.withUnsafeBufferPointer { rows in
                guard let bytes = bytes.baseAddress, let start = rows.baseAddress else { return }
                unsafe backbone_load(
                    bytes, start, rows.count, configuration.batchSize, configuration.pixelCount,
                    forward.input.floats, threads)
            }
        }
    }

    /// Dropout after flattening: units are numbered [row, column, channel] of the pooled image.
    func dropPooled(_ dropout: Dropout, rows: [UInt32], epoch: UInt32) {
        drop(dropout, forward.pooled, rows: rows, epoch: epoch, purpose: .flattenDropout)
    }

    /// Dropout after the dense layer.
    func dropHidden(_ dropout: Dropout, rows: [UInt32], epoch: UInt32) {
        drop(dropout, forward.hidden, rows: rows, epoch: epoch, purpose: .denseDropout)
    }

    private func drop(
        _ dropout: Dropout, _ memory: Memory, rows: [UInt32], epoch: UInt32,
        purpose: RandomPurpose
    ) {
        if dropout.threshold == 0 { return }
        unsafe rows.withUnsafeBufferPointer { rows in
            guard let start = rows.baseAddress else { return }
            var units = unsafe backbone_dropout_units(
                values: memory.floats, row_count: rows.count,
                unit_count: memory.count / configuration.batchSize, rows: start,
                seed: configuration.seed, epoch: epoch, purpose: purpose.rawValue,
                threshold: dropout.threshold, scale: dropout.scale)
            unsafe backbone_dropout(&units, threads)
        }
    }

    /// Takes `gradients` back through ReLU, and the dropout after it, that made `outputs`.
    func reluBackward(_ outputs: Memory, _ gradients: Memory, scale: Float) {
        unsafe backbone_relu_backward(
            outputs.floats, gradients.floats, scale, outputs.count, threads)
    }

    /// Losses, hits and the gradient of the logits.
    func computeLosses(_ training: TrainingState) {
        unsafe withClassWeights { weights in
            unsafe training.labels.withUnsafeBufferPointer { labels in
                unsafe training.losses.withUnsafeMutableBufferPointer { losses in
                    unsafe training.hits.withUnsafeMutableBufferPointer { hits in
                        guard let labelStart = labels.baseAddress,
                            let lossStart = losses.baseAddress, let hitStart = hits.baseAddress
                        else { return }
                        unsafe backbone_softmax(
                            forward.logits.floats, labelStart, weights, labels.count,
                            configuration.batchSize, configuration.classCount,
                            training.backward.logitsGradient.floats, lossStart, hitStart, threads)
                    }
                }
            }
        }
    }

    /// Lends what rows weigh by their class; nil where all weigh the same.
    private func withClassWeights(_ body: (UnsafePointer<Float>?) -> Void) {
        guard let weights = configuration.classWeights else { return body(nil) }
        unsafe weights.withUnsafeBufferPointer { unsafe body($0.baseAddress) }
    }
}
