/// SplitMix64 (Steele, Lea and Flood 2014): the simulations' only source of chance.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// The generator of a seed.
    package init(seed: UInt64) {
        state = seed
    }

    /// The next 64 random bits.
    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// True with the given probability.
    package mutating func chance(_ probability: Double) -> Bool {
        Double.random(in: 0..<1, using: &self) < probability
    }
}

/// Entries by time, then by order of arrival.
package struct Timeline<Entry> {
    private var heap: [(time: Int64, number: Int, entry: Entry)] = []
    private var count = 0

    /// No entries.
    package init() {}

    /// Whether nothing is left.
    package var isEmpty: Bool { heap.isEmpty }

    /// Adds an entry; O(log n).
    package mutating func insert(_ entry: Entry, at time: Int64) {
        heap.append((time, count, entry))
        count += 1
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            if !comesBefore(child, parent) { break }
            heap.swapAt(parent, child)
            child = parent
        }
    }

    /// Takes the earliest entry; O(log n).
    package mutating func popFirst() -> (time: Int64, entry: Entry)? {
        if heap.isEmpty { return nil }
        heap.swapAt(0, heap.count - 1)
        let last = heap.removeLast()
        var parent = 0
        while true {
            var child = 2 * parent + 1
            if child >= heap.count { break }
            if child + 1 < heap.count && comesBefore(child + 1, child) { child += 1 }
            if !comesBefore(child, parent) { break }
            heap.swapAt(parent, child)
            parent = child
        }
        return (last.time, last.entry)
    }

    private func comesBefore(_ left: Int, _ right: Int) -> Bool {
        (heap[left].time, heap[left].number) < (heap[right].time, heap[right].number)
    }
}
