package import Heads
import Numerics

/// The classes of a head in the order in which all its sums run: by ascending key.
///
/// Keys belong to classes, indices to a run: by keys a head has the same bits in every run that has
/// its classes.
package struct ClassOrder: Sendable {
    /// Class indices, by ascending key.
    package let classes: [Int]
    /// Of each of the head's classes, by ascending index: its position in `classes`.
    package let positions: [Int]

    /// The order of a head's classes.
    ///
    /// - Parameter keys: of all classes of the run, by index.
    package init(_ set: ClassSet, keys: [UInt64]) {
        let members = set.members
        let order = members.indices.sorted { keys[members[$0]] < keys[members[$1]] }
        classes = order.map { members[$0] }
        var positions = [Int](repeating: 0, count: members.count)
        for (position, row) in order.enumerated() { positions[row] = position }
        self.positions = positions
    }

    /// A head's weights `[class, width]` in double precision, its classes in this order, the bias behind
    /// the last feature.
    func weights(of head: Head, width: Int) -> DoubleBlock {
        let weights = DoubleBlock(count: classes.count * width)
        let (trained, biases) = (head.weights, head.biases)
        for (row, position) in positions.enumerated() {
            for column in 0..<trained.columnCount {
                weights[position * width + column] = Double(trained[row, column])
            }
            weights[position * width + trained.columnCount] = Double(biases[row])
        }
        return weights
    }
}
