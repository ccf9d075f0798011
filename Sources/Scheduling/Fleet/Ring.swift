/// The latest so many elements.
package struct Ring<Element: Sendable>: Sendable {
    /// Elements at most; with 0 nothing is remembered.
    package let capacity: Int
    /// What is remembered, in no order once there are ``capacity``.
    package private(set) var elements: [Element] = []
    private var cursor = 0

    /// An empty ring; traps on a negative capacity.
    package init(capacity: Int) {
        precondition(capacity >= 0)
        self.capacity = capacity
    }

    /// Takes an element in and gives back the one it pushed out.
    package mutating func insert(_ element: Element) -> Element? {
        guard elements.count == capacity else {
            elements.append(element)
            return nil
        }
        guard capacity > 0 else { return element }
        defer { cursor = (cursor + 1) % capacity }
        let oldest = elements[cursor]
        elements[cursor] = element
        return oldest
    }

    /// The latest `count` elements, the oldest of them first; at most those that are remembered.
    package func latest(_ count: Int) -> [Element] {
        let count = min(count, elements.count)
        let start = cursor + elements.count - count
        return (0..<count).map { elements[(start + $0) % elements.count] }
    }
}
