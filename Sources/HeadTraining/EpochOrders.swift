package import Numerics
import Synchronization

/// The order of rows in every epoch: computed once, shared by all threads of a worker.
///
/// A row sorts by (`Philox.key(seed, epochOrder, row in class, class, epoch)`, class, row in class), every
/// class being named by its key. A head's order is this order filtered to its classes.
package final class EpochOrders: Sendable {
    private let seed: UInt64
    private let classRowOffsets: [Int]
    private let classKeys: [UInt64]
    private let cachedEpochCountMax: Int
    private let cache = Mutex<[Int: [UInt32]]>([:])

    /// Bytes of orders kept for reuse; what is beyond is computed again when asked for.
    private static let cachedByteCountMax = 32 << 20

    /// Computes nothing yet.
    package init(seed: UInt64, table: FeatureTable) {
        self.seed = seed
        classRowOffsets = table.classRowOffsets
        classKeys = table.classKeys
        // An order of few rows takes more memory than its rows do.
        cachedEpochCountMax = Self.cachedByteCountMax / (table.rowCount * 4 + 128)
    }

    /// Row indices of the table in the order of an epoch.
    package func order(epoch: Int) -> [UInt32] {
        if let known = cache.withLock({ $0[epoch] }) { return known }
        // Two threads may both compute an epoch's order; they get the same one, and neither waits.
        let order = compute(epoch: epoch)
        cache.withLock { cached in
            if cached.count < cachedEpochCountMax { cached[epoch] = order }
        }
        return order
    }

    private func compute(epoch: Int) -> [UInt32] {
        let rowCount = classRowOffsets[classRowOffsets.count - 1]
        var keyed: [Keyed] = []
        keyed.reserveCapacity(rowCount)
        let classes = classKeys.indices.sorted { classKeys[$0] < classKeys[$1] }
        for (rank, index) in classes.enumerated() {
            let offset = classRowOffsets[index]
            for row in 0..<classRowOffsets[index + 1] - offset {
                let key = Philox.key(
                    seed: seed, purpose: .epochOrder, row: row, ofClass: classKeys[index],
                    UInt32(epoch))
                keyed.append(
                    Keyed(key: key, classRank: UInt32(rank), row: UInt32(offset + row)))
            }
        }
        return Self.sorted(keyed)
    }

    private struct Keyed {
        var key: UInt64
        /// Position of the class's key among all of them, ascending.
        var classRank: UInt32
        /// Of the table, which keeps the rows of a class in order.
        var row: UInt32

        static func < (left: Keyed, right: Keyed) -> Bool {
            guard left.key == right.key else { return left.key < right.key }
            return (left.classRank, left.row) < (right.classRank, right.row)
        }
    }

    /// Rows by ascending key, in linear time: keys are uniform, so each goes to about its own place
    /// at once, and insertion does the rest.
    private static func sorted(_ keyed: [Keyed]) -> [UInt32] {
        let count = keyed.count
        let bucket = { (key: UInt64) in Int(key.multipliedFullWidth(by: UInt64(count)).high) }
        var starts = [UInt32](repeating: 0, count: count + 1)
        for element in keyed { starts[bucket(element.key) + 1] += 1 }
        for index in 0..<count { starts[index + 1] += starts[index] }
        var placed = keyed
        for element in keyed {
            let place = bucket(element.key)
            placed[Int(starts[place])] = element
            starts[place] += 1
        }
        for index in placed.indices.dropFirst() {
            let element = placed[index]
            var position = index
            while position > 0, element < placed[position - 1] {
                placed[position] = placed[position - 1]
                position -= 1
            }
            placed[position] = element
        }
        return placed.map(\.row)
    }
}
