/// Ranks of heads that wait, lowest first: the never leased as a cursor, the returned as a heap.
///
/// Rank is the position by descending cost, then id. Removal is O(1) for the never leased and
/// O(log n) for the returned, insertion O(log n).
struct PendingQueue: Sendable {
    /// Ranks from here on were never taken.
    private(set) var cursor: Int32 = 0
    private let end: Int32
    /// A binary min-heap.
    private(set) var returned: [Int32] = []

    init(count: Int) {
        end = Int32(count)
    }

    /// The lowest rank, if any.
    var first: Int32? {
        // Every returned rank was below the cursor when it was taken, so it still is.
        returned.first ?? (cursor < end ? cursor : nil)
    }

    /// Takes the lowest rank out; the queue must not be empty.
    mutating func removeFirst() {
        if !returned.isEmpty {
            removeTop()
        } else {
            precondition(cursor < end)
            cursor += 1
        }
    }

    /// Puts a rank that was taken back.
    mutating func insert(_ rank: Int32) {
        precondition(rank >= 0 && rank < cursor)
        returned.append(rank)
        var child = returned.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            if returned[parent] <= returned[child] { break }
            returned.swapAt(parent, child)
            child = parent
        }
    }

    private mutating func removeTop() {
        let last = returned.removeLast()
        if returned.isEmpty { return }
        var hole = 0
        while true {
            var child = 2 * hole + 1
            if child >= returned.count { break }
            if child + 1 < returned.count && returned[child + 1] < returned[child] { child += 1 }
            if last <= returned[child] { break }
            returned[hole] = returned[child]
            hole = child
        }
        returned[hole] = last
    }
}
