import Synchronization
import System
import Testing

/// Where threads wait for each other.
private final class Meeting: Sendable {
    private let arrived = Atomic<Int>(0)

    /// Returns when that many threads have called it.
    func wait(for count: Int) {
        arrived.add(1, ordering: .sequentiallyConsistent)
        while arrived.load(ordering: .sequentiallyConsistent) < count {}
    }
}

private struct Failure: Error, Equatable {
    let part: Int
}

@Suite(.timeLimit(.minutes(4))) struct ComputePoolTests {
    @Test(arguments: [0, 1, 2, 3, 4, 7, 8, 9, 1000], [1, 2, 3, 8])
    func rangesCoverEverythingOnceAndEvenly(_ count: Int, _ parts: Int) {
        let ranges = ComputePool.ranges(of: count, in: parts)
        #expect(ranges.flatMap(Array.init) == Array(0..<count))
        #expect(ranges.count == min(count, parts))
        let sizes = ranges.map(\.count)
        #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1)
        #expect(sizes == sizes.sorted(by: >))
    }

    @Test(arguments: [-1, 0, 1, 3])
    func resultsComeInOrderWhateverTheThreads(_ threadCount: Int) async throws {
        let pool = try ComputePool(threadCount: threadCount)
        #expect(pool.threads.count == max(1, threadCount))
        let parts = try await pool.parallelRanges(1_000) { range in range.map { $0 * $0 } }
        #expect(parts.flatMap(\.self) == (0..<1_000).map { $0 * $0 })
        let none = try await pool.parallelRanges(0) { $0.count }
        #expect(none.isEmpty)
        await pool.shutdown()
    }

    @Test func eachRangeHasAThreadOfItsOwn() async throws {
        let pool = try ComputePool(threadCount: 3, name: "own")
        let meeting = Meeting()
        let owners = try await pool.parallelRanges(3) { _ in
            meeting.wait(for: 3)
            return pool.threads.filter(\.isCurrent).map(\.name)
        }
        #expect(owners == [["own-0"], ["own-1"], ["own-2"]])
        await pool.shutdown()
    }

    @Test func aFailureStopsTheOthersAndIsThrown() async throws {
        let pool = try ComputePool(threadCount: 2)
        await #expect(throws: Failure(part: 1)) {
            try await pool.parallelRanges(2) { range, flag in
                if range.lowerBound == 1 { throw Failure(part: 1) }
                while !flag.isCancelled {}
            }
        }
        await pool.shutdown()
    }

    @Test func cancellationStopsAll() async throws {
        let pool = try ComputePool(threadCount: 2)
        let (begun, hasBegun) = AsyncStream.makeStream(of: Void.self)
        let task = Task {
            try await pool.parallelRanges(2) { _, flag in
                hasBegun.yield()
                while true { try flag.check() }
            }
        }
        for await _ in begun.prefix(2) {}
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        await pool.shutdown()
    }

    @Test func aFlagStaysSet() throws {
        let flag = CancellationFlag()
        #expect(!flag.isCancelled)
        try flag.check()
        flag.cancel()
        flag.cancel()
        #expect(flag.isCancelled)
        #expect(throws: CancellationError.self) { try flag.check() }
    }
}
