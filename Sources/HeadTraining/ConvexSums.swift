/// What turns sums over rows into a gradient, wherever the rows are.
///
/// Weights and gradients are `[class, width]`, sums and differences the same without the last class; the
/// bias is in column `featureCount`.
enum ConvexSums {
    /// Sets `differences` to the weights less those of the last class.
    static func setDifferences(
        _ differences: DoubleBlock, of weights: DoubleBlock, width: Int
    ) {
        let last = weights.count / width - 1
        precondition(weights.count == (last + 1) * width)
        precondition(differences.count == last * width)
        withExtendedLifetime((weights, differences)) {
            let bottom = unsafe weights.pointer + last * width
            for position in 0..<last {
                let source = unsafe weights.pointer + position * width
                let target = unsafe differences.pointer + position * width
                for column in 0..<width {
                    unsafe target[column] = source[column] - bottom[column]
                }
            }
        }
    }

    /// Sets `gradient` to that of the objective at `weights`: the mean of the sums and the penalty's part.
    ///
    /// - Parameter weightSum: what the rows weigh by themselves, all together.
    static func finish(
        _ sums: DoubleBlock, at weights: DoubleBlock, weightSum: Double, l2: Double,
        featureCount: Int,
        width: Int, kernels: ConvexKernels, into gradient: DoubleBlock
    ) {
        let last = weights.count / width - 1
        gradient.clear()
        withExtendedLifetime((sums, gradient)) {
            let share = 1 / weightSum
            let bottom = unsafe gradient.pointer + last * width
            for position in 0..<last {
                let source = unsafe sums.pointer + position * width
                let target = unsafe gradient.pointer + position * width
                for column in 0..<width {
                    let value = unsafe source[column] * share
                    unsafe target[column] = value
                    unsafe bottom[column] -= value
                }
            }
        }
        let biases = (0...last).map { gradient[$0 * width + featureCount] }
        kernels.add(l2, weights, to: gradient)
        for (position, bias) in biases.enumerated() {
            gradient[position * width + featureCount] = bias
        }
    }
}
