import Numerics

/// Labels row by row, each different one kept once, in the order of their first rows.
struct LabelCollector {
    /// The different labels.
    private(set) var texts: [[UInt8]] = []
    /// For each row the place of its label among ``texts``.
    private(set) var places: [Int] = []

    private var hashes: [UInt64] = []
    /// Places by hash, a power of two of them, -1 for none.
    private var slots = [Int](repeating: -1, count: 64)

    /// Takes the label of the next row.
    mutating func append(_ text: UnsafeBufferPointer<UInt8>) {
        var hash = FNV1a()
        for index in text.indices { hash.add(unsafe text[index]) }
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash.value) & mask
        while slots[slot] >= 0 {
            let place = slots[slot]
            if hashes[place] == hash.value, unsafe texts[place].elementsEqual(text) {
                places.append(place)
                return
            }
            slot = (slot + 1) & mask
        }
        slots[slot] = texts.count
        places.append(texts.count)
        texts.append(unsafe Array(text))
        hashes.append(hash.value)
        if 2 * texts.count > slots.count { grow() }
    }

    /// Takes the label of the next row.
    mutating func append(_ text: [UInt8]) {
        unsafe text.withUnsafeBufferPointer { unsafe append($0) }
    }

    /// Forgets the first row, whose label no other has; nothing may be appended any more.
    mutating func removeFirst() {
        texts.removeFirst()
        places = places.dropFirst().map { $0 - 1 }
    }

    private mutating func grow() {
        let mask = 2 * slots.count - 1
        slots = [Int](repeating: -1, count: mask + 1)
        for (place, hash) in hashes.enumerated() {
            var slot = Int(truncatingIfNeeded: hash) & mask
            while slots[slot] >= 0 { slot = (slot + 1) & mask }
            slots[slot] = place
        }
    }
}
