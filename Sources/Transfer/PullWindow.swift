package import Numerics

/// Which missing chunks to request when, with as many bytes on their way as arrive in a second.
///
/// A value without IO: the caller sends what ``requests(at:)`` names, reports what arrived, and asks
/// again after each arrival and now and then. A connection keeps the order and loses nothing, however
/// slow it is, so that a request is never repeated for taking long: over a new connection the caller
/// makes a new window.
package struct PullWindow: Sendable {
    private struct Request: Sendable {
        let index: Int
        let byteCount: Int
        let sentAt: Instant
        /// Bytes on their way with it, its own among them.
        let flightByteCount: Int
    }

    /// Chunks on their way at most.
    package static let chunkCountMax = 32
    /// Bytes on their way at most, but for a single chunk.
    package static let byteCountMax = 8 << 20
    /// The same before anything is known of the line.
    static let firstByteCount = 64 << 10
    /// How long a chunk should be on its way: what else the connection carries waits as long.
    static let lead = Duration.seconds(1)
    /// How long a chunk that came damaged is left alone: a peer that keeps sending bad bytes must
    /// not keep the line busy.
    static let damagePause = Duration.seconds(5)

    private let byteCounts: [Int: Int]
    /// Never yet requested, or to be requested again; the next one last.
    private var waiting: [Int]
    private var outstanding: [Request] = []
    private var damaged: [(index: Int, until: Instant)] = []
    private var remaining: Set<Int>
    private var windowByteCount = firstByteCount

    /// A window over missing chunks, with the bytes of each, requested in their order.
    package init(missing: [(index: Int, byteCount: Int)]) {
        byteCounts = Dictionary(missing.map { ($0.index, $0.byteCount) }) { first, _ in first }
        waiting = missing.map(\.index).reversed()
        remaining = Set(waiting)
    }

    /// Whether every chunk has arrived.
    package var isFinished: Bool { remaining.isEmpty }

    /// Whether anything that was requested has not arrived.
    package var isWaiting: Bool { !outstanding.isEmpty }

    /// The chunks to request now, ascending and each once; often none.
    package mutating func requests(at now: Instant) -> [Int] {
        waiting += damaged.filter { $0.until <= now }.map(\.index).reversed()
        damaged.removeAll { $0.until <= now }
        var flight = outstanding.reduce(0) { $0 + $1.byteCount }
        var result: [Int] = []
        while outstanding.count < Self.chunkCountMax, let index = waiting.last {
            let byteCount = byteCounts[index] ?? 0
            // What arrived while it waited, broadcast or late, is not requested.
            if remaining.contains(index) {
                guard outstanding.isEmpty || flight + byteCount <= windowByteCount else { break }
                flight += byteCount
                outstanding.append(
                    Request(
                        index: index, byteCount: byteCount, sentAt: now, flightByteCount: flight))
                result.append(index)
            }
            waiting.removeLast()
        }
        return result.sorted()
    }

    /// Records that a chunk is held; duplicates and unknown ones change nothing.
    package mutating func arrived(_ index: Int, at now: Instant) {
        guard remaining.remove(index) != nil else { return }
        damaged.removeAll { $0.index == index }
        guard let place = outstanding.firstIndex(where: { $0.index == index }) else { return }
        let request = outstanding.remove(at: place)
        // All that was on its way has arrived in this time: so much would in that of the lead.
        let seconds = max(1e-4, now.seconds(since: request.sentAt))
        let share = Self.lead / .seconds(1) / seconds
        let seen = min(Double(Self.byteCountMax), Double(request.flightByteCount) * share)
        windowByteCount = (windowByteCount + Int(seen)) / 2
    }

    /// Records that a chunk came damaged: it is requested again after a pause.
    package mutating func arrivedDamaged(_ index: Int, at now: Instant) {
        guard let place = outstanding.firstIndex(where: { $0.index == index }) else { return }
        outstanding.remove(at: place)
        damaged.append((index, now + Self.damagePause))
    }
}
