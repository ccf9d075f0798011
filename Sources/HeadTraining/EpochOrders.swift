import Synchronization
package import Tensors

/// The order of rows in every epoch: computed once, shared by all threads of a worker.
///
/// Row r of class c has the 64-bit key `Philox.key(seed, epochOrder, r, c, epoch)`; rows sort by
/// (key, class, row). A head's order is this order filtered to its classes.
package final class EpochOrders: Sendable {
    private let seed: UInt64
    private let classRowOffsets: [Int]
    private let cachedEpochCountMax: Int
    private let cache = Mutex<[Int: [UInt32]]>([:])

    /// Bytes of orders kept for reuse; what is beyond is computed again when asked for.
    private static let cachedByteCountMax = 32 << 20

    /// Orders of the table's rows, none of them computed yet.
    package init(seed: UInt64, table: FeatureTable) {
        self.seed = seed
        classRowOffsets = table.classRowOffsets
        cachedEpochCountMax = Self.cachedByteCountMax / max(1, table.rowCount * 4)
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
        var keyed: [(key: UInt64, row: UInt32)] = []
        keyed.reserveCapacity(classRowOffsets[classRowOffsets.count - 1])
        for index in 0..<classRowOffsets.count - 1 {
            let offset = classRowOffsets[index]
            for row in 0..<classRowOffsets[index + 1] - offset {
                let key = Philox.key(
                    seed: seed, purpose: .epochOrder, UInt32(row), UInt32(index), UInt32(epoch))
                keyed.append((key, UInt32(offset + row)))
            }
        }
        // Table rows ascend by (class, row), so the row breaks ties as promised.
        keyed.sort { ($0.key, $0.row) < ($1.key, $1.row) }
        return keyed.map(\.row)
    }
}
