import System

/// The most memory this process ever held.
struct MemoryWatch {
    private static let interval = Duration.milliseconds(100)

    private var last: (byteCount: Int, at: ContinuousClock.Instant)?

    /// Bytes, looked up some times a second at most.
    mutating func peakByteCount() -> Int {
        if let last, last.at.duration(to: .now) < Self.interval { return last.byteCount }
        let byteCount = ProcessMemory.peakByteCount()
        last = (byteCount, .now)
        return byteCount
    }
}
