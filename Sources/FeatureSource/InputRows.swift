package import ImageData
package import Numerics

/// Rows without labels, as a model is asked about them.
package enum InputRows: Sendable {
    /// `[sample, feature]`, as they are in files: before any normalisation.
    case features(Matrix)
    /// `[sample, channel, row, column]`, one byte a value; whole images.
    case images(ImageShape, pixels: [UInt8])

    /// How many rows there are.
    package var rowCount: Int {
        switch self {
        case .features(let features): features.rowCount
        case .images(let shape, let pixels): pixels.count / shape.pixelCount
        }
    }
}
