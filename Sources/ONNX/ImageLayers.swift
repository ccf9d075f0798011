/// What makes features of images: two convolutions of 3 by 3, the maximum of 2 by 2, and a layer, each
/// but the maximum followed by ReLU.
package struct ImageLayers: Sendable {
    /// 1 for grey, 3 for colour.
    package let channelCount: Int
    /// Rows of an image.
    package let height: Int
    /// Columns of an image.
    package let width: Int
    /// Weights and biases of the first convolution, the second, and the layer, as PyTorch has them.
    package let tensors: [GraphTensor]

    /// Traps unless there are six tensors.
    package init(channelCount: Int, height: Int, width: Int, tensors: [GraphTensor]) {
        precondition(tensors.count == 6)
        self.channelCount = channelCount
        self.height = height
        self.width = width
        self.tensors = tensors
    }

    /// From the input `images`, bytes `[N, height, width]` or `[N, height, width, channel]` as in files,
    /// to `[N, feature]`.
    func features(_ builder: inout GraphBuilder) -> GraphValue {
        let isGrey = channelCount == 1
        var images = builder.input(
            "images", .byte, rowShape: [height, width] + (isGrey ? [] : [channelCount]))
        // To [N, channel, height, width].
        images =
            isGrey
            ? builder.add("Unsqueeze", images, .integers([1]))
            : builder.add("Transpose", images, with: ["perm": .integers([0, 3, 1, 2])])
        var values = builder.add("Div", builder.cast(images, to: .float), .float(255))
        let constants = tensors.map { builder.constant($0) }
        for layer in 0..<2 {
            values = builder.add(
                "Relu",
                builder.add("Conv", values, constants[2 * layer], constants[2 * layer + 1]))
        }
        values = builder.add(
            "MaxPool", values,
            with: ["kernel_shape": .integers([2, 2]), "strides": .integers([2, 2])])
        values = builder.add("Flatten", values)
        return builder.add(
            "Relu",
            builder.add("Gemm", values, constants[4], constants[5], with: ["transB": .integer(1)]))
    }
}
