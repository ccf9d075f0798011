package import Heads

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
}
