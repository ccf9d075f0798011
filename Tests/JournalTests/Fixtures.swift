import Heads
import Numerics

/// A head whose values say where they belong.
func countingHead(_ classes: [Int], featureCount: Int, from start: Float) -> Head {
    let count = classes.count * featureCount
    return Head(
        classes: ClassSet(classes),
        weights: Matrix(
            rowCount: classes.count, columnCount: featureCount,
            values: (0..<count).map { start + Float($0) }),
        biases: classes.indices.map { -start - Float($0) })
}
