package import Numerics

/// The rows of a request, as its model reads them.
package enum InferenceRows: Sendable {
    /// `[sample, feature]`, all finite.
    case features(Matrix)
    /// `[sample, channel, row, column]`, a byte a value; whole images.
    case images(count: Int, pixels: [UInt8])

    /// How many there are.
    package var count: Int {
        switch self {
        case .features(let features): features.rowCount
        case .images(let count, _): count
        }
    }
}

extension InferenceRequest {
    /// The rows of the request.
    ///
    /// - Throws: ``InferenceError`` for other inputs than the model's, another shape, and values that the
    ///   model cannot take, with the row and the column.
    package func rows(for model: ModelDescription) throws(InferenceError) -> InferenceRows {
        let (name, datatype, shape) = model.inputTensor
        guard inputs.count == 1, let input = inputs.first, input.name == name else {
            let given = inputs.isEmpty ? "none" : inputs.map(\.name).joined(separator: ", ")
            throw InferenceError(
                "the model \(model.name) has one input, \(name), and the request gives \(given)")
        }
        func wrongShape() -> InferenceError {
            let wanted = (["rows"] + shape.dropFirst().map(String.init)).joined(separator: ", ")
            return InferenceError(
                "the input \(name) has the shape \(input.shape), and the model \(model.name) takes [\(wanted)] of \(datatype.rawValue)"
            )
        }
        switch model.input {
        case .features(let featureCount):
            guard input.shape.count == 2, input.shape[1] == featureCount else {
                throw wrongShape()
            }
            let values: [Float] =
                switch input.content {
                case .floats(let values): values
                case .bytes(let values): values.map { Float($0) }
                }
            if let index = values.firstIndex(where: { !$0.isFinite }) {
                throw InferenceError(
                    "row \(index / featureCount), column \(index % featureCount) of the input \(name) is \(values[index]); give finite numbers"
                )
            }
            return .features(
                Matrix(rowCount: input.shape[0], columnCount: featureCount, values: values))
        case .images(let channelCount, let height, let width):
            let sides = [height, width]
            guard let count = input.shape.first,
                Array(input.shape.dropFirst()) == sides + [channelCount]
                    || channelCount == 1 && Array(input.shape.dropFirst()) == sides
            else { throw wrongShape() }
            return .images(
                count: count,
                pixels: Self.planes(
                    try pixels(input), channelCount: channelCount, pixelCount: height * width))
        }
    }

    private func pixels(_ input: Input) throws(InferenceError) -> [UInt8] {
        switch input.content {
        case .bytes(let pixels): return pixels
        case .floats(let values):
            var pixels: [UInt8] = []
            pixels.reserveCapacity(values.count)
            for (index, value) in values.enumerated() {
                guard let pixel = UInt8(exactly: value) else {
                    throw InferenceError(
                        "value \(index) of the input \(input.name) is \(value); images hold whole numbers from 0 to 255"
                    )
                }
                pixels.append(pixel)
            }
            return pixels
        }
    }

    /// From `[sample, row, column, channel]` to `[sample, channel, row, column]`.
    private static func planes(_ pixels: [UInt8], channelCount: Int, pixelCount: Int) -> [UInt8] {
        guard channelCount > 1 else { return pixels }
        let imageByteCount = channelCount * pixelCount
        var planes = [UInt8](repeating: 0, count: pixels.count)
        for start in stride(from: 0, to: pixels.count, by: imageByteCount) {
            for channel in 0..<channelCount {
                for pixel in 0..<pixelCount {
                    planes[start + channel * pixelCount + pixel] =
                        pixels[start + pixel * channelCount + channel]
                }
            }
        }
        return planes
    }
}
