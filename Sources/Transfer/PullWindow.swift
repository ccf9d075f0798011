package import Numerics

/// Which missing chunks to request when, with a bounded number on their way.
///
/// A value without IO: the caller sends what ``requests(at:)`` names, reports what was inserted,
/// and asks again after each arrival and now and then. A chunk that arrives damaged is not
/// reported: it is requested again when its time is over, so that a peer that keeps sending bad
/// bytes cannot keep the line busy.
package struct PullWindow: Sendable {
    /// Requests on their way at most.
    package let credit: Int
    /// How long a request may take.
    package let timeout: Duration
    /// Never yet requested, or to be requested again; the next one last.
    private var waiting: [Int]
    private var outstanding: [(index: Int, deadline: Instant)] = []
    private var remaining: Set<Int>

    /// A window over the chunks `missing`, requested in their order.
    package init(missing: [Int], credit: Int = 8, timeout: Duration = .seconds(5)) {
        precondition(credit > 0)
        precondition(timeout > .zero)
        self.credit = credit
        self.timeout = timeout
        waiting = missing.reversed()
        remaining = Set(missing)
    }

    /// Whether every chunk has arrived.
    package var isFinished: Bool { remaining.isEmpty }

    /// The chunks to request now, ascending and each once; often none.
    package mutating func requests(at now: Instant) -> [Int] {
        // Overdue ones go first: they are the oldest.
        let overdue = outstanding.filter { $0.deadline <= now }.map(\.index)
        outstanding.removeAll { $0.deadline <= now }
        waiting.append(contentsOf: overdue.reversed())
        var result: [Int] = []
        while outstanding.count < credit, let index = waiting.popLast() {
            // What arrived while it waited, broadcast or late, is not requested.
            guard remaining.contains(index) else { continue }
            outstanding.append((index, now + timeout))
            result.append(index)
        }
        return result.sorted()
    }

    /// Records that a chunk is held; duplicates and unknown ones change nothing.
    package mutating func arrived(_ index: Int) {
        guard remaining.remove(index) != nil else { return }
        outstanding.removeAll { $0.index == index }
    }
}
