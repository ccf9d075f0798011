import Synchronization

/// A queue into a thread that sleeps in ``poll(_:timeoutMilliseconds:)``: any thread posts, one takes.
package final class Mailbox<Element: Sendable>: Sendable {
    private let wakeup: Wakeup
    private let elements = Mutex<[Element]>([])

    /// An empty queue.
    package init() throws(ZeroMQError) {
        wakeup = try Wakeup()
    }

    /// Appends an element and ends the taker's poll; never blocks for long.
    package func post(_ element: Element) {
        elements.withLock { $0.append(element) }
        wakeup.signal()
    }

    /// Everything posted so far, in order.
    package func takeAll() -> [Element] {
        // Cleared first: what is posted in between is taken now and wakes the next poll for nothing.
        wakeup.drain()
        return elements.withLock { elements in
            defer { elements = [] }
            return elements
        }
    }

    /// Readable while something waits.
    package var pollTarget: PollTarget { wakeup.pollTarget }
}
