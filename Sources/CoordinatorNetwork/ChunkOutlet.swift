import FeatureStore
import Sessions
import WireProtocol
import ZeroMQ

/// The chunks of a run on their way out, and the requests that wait until memory allows them.
struct ChunkOutlet {
    /// Who asked for which chunk.
    struct Request {
        let index: Int
        let peer: CoordinatorSession.PeerID
        fileprivate let since: ContinuousClock.Instant
    }

    /// Requests that wait at most; a worker has few at a time, so more are no worker's.
    private static let waitingCountMax = 1 << 16
    /// How long a request waits for memory: peers that read nothing hold up others no longer.
    private static let waitLimit = Duration.seconds(10)

    private let source: any ChunkSource
    private var waiting: [Request] = []
    /// Requests at the front of ``waiting`` that are answered.
    private var answeredCount = 0

    init(_ source: any ChunkSource) { self.source = source }

    /// Whether requests wait.
    var isWaiting: Bool { answeredCount < waiting.count }

    /// Takes a request, to be answered in its turn.
    mutating func take(_ index: Int, for peer: CoordinatorSession.PeerID) {
        guard waiting.count - answeredCount < Self.waitingCountMax else { return }
        waiting.append(Request(index: index, peer: peer, since: .now))
    }

    /// The request to answer now; nil where none is, or memory is to be had first.
    mutating func next() -> Request? {
        guard isWaiting else { return nil }
        let request = waiting[answeredCount]
        guard !source.isExhausted || request.since.duration(to: .now) >= Self.waitLimit else {
            return nil
        }
        answeredCount += 1
        if 2 * answeredCount >= waiting.count {
            waiting.removeFirst(answeredCount)
            answeredCount = 0
        }
        return request
    }

    /// A chunk as it goes out: its envelope, then its bytes, where they lie if they have an owner.
    func frames(of index: Int) throws -> [Frame] {
        try unsafe source.lend(chunk: index) { bytes, keeper in
            [
                Frame(FeatureChunk.envelope(index: index)),
                unsafe keeper.map { unsafe Frame(owner: $0, bytes: bytes) }
                    ?? Frame(copying: bytes),
            ]
        }
    }
}
