/// A fixed number of threads for computation.
///
/// How many there are never changes a result: a range's work must depend on its elements only,
/// and results come back in the order of the ranges.
package final class ComputePool: Sendable {
    /// The threads, at least one.
    package let threads: [ThreadExecutor]

    /// Starts the threads, named `name-0`, `name-1` and so on; never fewer than one.
    ///
    /// - Throws: `unavailable`, naming the limit, when the system has not so many threads left to give.
    package init(threadCount: Int, name: String = "compute") throws(RunError) {
        threads = try (0..<max(1, threadCount)).map { (index) throws(RunError) in
            try ThreadExecutor(name: "\(name)-\(index)")
        }
    }

    /// The contiguous ranges that `parallelRanges` makes of `0..<count`: at most `parts`, none
    /// empty, their sizes differing by one at most, the longer ones first.
    package static func ranges(of count: Int, in parts: Int) -> [Range<Int>] {
        let parts = min(parts, count)
        guard parts > 0 else { return [] }
        let (size, remainder) = count.quotientAndRemainder(dividingBy: parts)
        return (0..<parts).map { part in
            let start = part * size + min(part, remainder)
            return start..<start + size + (part < remainder ? 1 : 0)
        }
    }

    /// Cuts `0..<count` in one range a thread, runs the body on each, and awaits them all.
    ///
    /// - Returns: What the body returned, in the order of the ranges; nothing for a count of 0.
    /// - Throws: What the body threw first, once every range has ended; ranges that have not begun
    ///   then never do. `CancellationError` when the task is cancelled in time.
    @discardableResult
    package func parallelRanges<Result: Sendable>(
        _ count: Int, _ body: @escaping @Sendable (Range<Int>) throws -> Result
    ) async throws -> [Result] {
        try await parallelRanges(count) { range, _ in try body(range) }
    }

    /// Cuts `0..<count` in one range a thread, runs the body on each, and awaits them all.
    ///
    /// The flag is set when the task is cancelled or another range's body has thrown; the body
    /// polls it.
    ///
    /// - Returns: What the body returned, in the order of the ranges; nothing for a count of 0.
    /// - Throws: What the body threw first, once every range has ended; `CancellationError` when
    ///   the task is cancelled in time.
    @discardableResult
    package func parallelRanges<Result: Sendable>(
        _ count: Int, _ body: @escaping @Sendable (Range<Int>, CancellationFlag) throws -> Result
    ) async throws -> [Result] {
        let ranges = Self.ranges(of: count, in: threads.count)
        return try await withThrowingTaskGroup(of: (Int, Result).self) { group in
            for (part, (range, thread)) in zip(ranges, threads).enumerated() {
                group.addTask { (part, try await thread.run { try body(range, $0) }) }
            }
            var results = [Result?](repeating: nil, count: ranges.count)
            for try await (part, result) in group { results[part] = result }
            return results.compactMap(\.self)
        }
    }

    /// Ends the threads and returns when they are gone.
    package func shutdown() async {
        for thread in threads { await thread.shutdown() }
    }
}
