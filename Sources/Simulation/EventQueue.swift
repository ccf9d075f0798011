/// Entries by time, and at equal times by order of insertion: a binary heap.
struct EventQueue<Entry> {
    private struct Item {
        let time: Int64
        let number: Int
        let entry: Entry

        func comesBefore(_ other: Item) -> Bool {
            time != other.time ? time < other.time : number < other.number
        }
    }

    private var heap: [Item] = []
    private var nextNumber = 0

    /// Adds an entry; O(log n).
    mutating func insert(_ entry: Entry, at time: Int64) {
        heap.append(Item(time: time, number: nextNumber, entry: entry))
        nextNumber += 1
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            if !heap[child].comesBefore(heap[parent]) { break }
            heap.swapAt(parent, child)
            child = parent
        }
    }

    /// Takes the earliest entry; O(log n).
    mutating func popFirst() -> (time: Int64, entry: Entry)? {
        if heap.isEmpty { return nil }
        heap.swapAt(0, heap.count - 1)
        let first = heap.removeLast()
        var parent = 0
        while true {
            var child = 2 * parent + 1
            if child >= heap.count { break }
            if child + 1 < heap.count && heap[child + 1].comesBefore(heap[child]) { child += 1 }
            if !heap[child].comesBefore(heap[parent]) { break }
            heap.swapAt(parent, child)
            parent = child
        }
        return (first.time, first.entry)
    }
}

/// First in, first out; both ends O(1) amortised.
struct FIFOQueue<Element> {
    private var elements: [Element] = []
    private var head = 0

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func popFirst() -> Element? {
        guard head < elements.count else { return nil }
        defer {
            head += 1
            if head > 1_024 && 2 * head > elements.count {
                elements.removeFirst(head)
                head = 0
            }
        }
        return elements[head]
    }
}
