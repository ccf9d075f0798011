import Glibc

/// Which seeds a simulation or a fuzzer runs: a few usually, one or very many by the environment.
///
/// `<prefix>_SEEDS` says how many, `<prefix>_SEED` the only one, `<prefix>_FIRST` where to begin.
package struct SeedRange: Sendable {
    /// The seeds, in order.
    package let seeds: Range<UInt64>

    private let suite: String
    private let prefix: String

    /// - Parameters:
    ///   - suite: the suite's name, for `--filter`.
    ///   - usual: how many seeds, if the environment does not say.
    package init(suite: String, usual: UInt64, prefix: String = "MANYHEADS_SIMULATION") {
        self.suite = suite
        self.prefix = prefix
        if let only = environmentNumber(prefix + "_SEED") {
            seeds = only..<only + 1
        } else {
            let first = environmentNumber(prefix + "_FIRST") ?? 0
            seeds = first..<first + (environmentNumber(prefix + "_SEEDS") ?? usual)
        }
    }

    /// How many there are.
    package var count: Int { seeds.count }

    /// The line that runs one seed again.
    package func reproduction(of seed: UInt64) -> String {
        "again with: \(prefix)_SEED=\(seed) Scripts/test --filter \(suite)"
    }
}

/// The number that a variable of the environment holds; nil where it is missing or none.
package func environmentNumber(_ name: String) -> UInt64? {
    unsafe getenv(name).flatMap { UInt64(unsafe String(cString: $0)) }
}

/// The most memory that this process has held at once; 0 where the system does not say.
package func peakMemoryByteCount() -> Int {
    guard let file = unsafe fopen("/proc/self/status", "r") else { return 0 }
    defer { unsafe fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while unsafe fgets(&line, Int32(line.count), file) != nil {
        let text = String(
            decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if text.hasPrefix("VmHWM:") { return (Int(text.filter(\.isNumber)) ?? 0) * 1_024 }
    }
    return 0
}
