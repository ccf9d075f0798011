import Formats
import Foundation
import Glibc
import TestSupport
import Testing

// Goal: a damaged file takes no more memory than a whole one and 64 MiB, whatever sizes it states.
// Method: a process of its own whose memory is limited so, in which the system refuses what is more, and
// ends with the reader that asked for it.
@Suite(.timeLimit(.minutes(60))) struct MemoryBoundTests {
    private static let byteCount: rlim_t = 64 << 20

    /// Allows this process so much memory beside what it has.
    private static func limitMemory() throws {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let held = try #require(status.firstMatch(of: /VmData:\s*(\d+) kB/))
        let limit = try #require(rlim_t(held.1)) * 1024 + byteCount
        var limits = rlimit(rlim_cur: limit, rlim_max: limit)
        #expect(unsafe setrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &limits) == 0)
        // The limit holds.
        let access = PROT_READ | PROT_WRITE
        let much = unsafe mmap(
            nil, Int(byteCount) + 1, access, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        #expect(unsafe much == MAP_FAILED)
    }

    @Test(arguments: 0..<4) func damagedTablesTakeNoMoreMemory(number: Int) async {
        await #expect(processExitsWith: .success) { [number] in
            endInTime()
            let (_, samples, read) = TableFuzzTests.readers[number]
            var mutator = Mutator(samples.map { [$0] }, seed: fuzzSeed)
            try Self.limitMemory()
            for _ in 0..<2_000 {
                _ = try? read(mutator.damaged(samples[mutator.draw(samples.count)]))
            }
        }
    }

    @Test func damagedArraysTakeNoMoreMemory() async {
        await #expect(processExitsWith: .success) {
            endInTime()
            let names = [
                "n<f2", "n>f4", "F", "v2", "v3", "U<", "S", "i8l", "npz-stored", "npz-deflated",
            ]
            let samples = names.map(Samples.bytes)
            var mutator = Mutator(samples.map { [$0] }, seed: fuzzSeed)
            try Self.limitMemory()
            for _ in 0..<4_000 {
                let number = mutator.draw(samples.count)
                let bytes = mutator.damaged(samples[number])
                if names[number].hasPrefix("npz") {
                    ZipArchiveTests().readAll(bytes)
                } else {
                    _ = try? decodedMatrix(bytes)
                    _ = try? LabelColumn(Samples.array(bytes, "x.npy"))
                }
            }
        }
    }
}
