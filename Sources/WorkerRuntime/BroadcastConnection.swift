import System
import ZeroMQ

/// The connection to a broadcast, from when it is made until it is there.
struct BroadcastConnection {
    /// How long it may take before that is worth a word.
    private static let patience = Duration.seconds(4)

    private let monitor: SocketMonitor
    private let search: CoordinatorSearch
    private var since = ContinuousClock.now
    /// Whether there is nothing more to find out: it is there, or that it is not has been said.
    private(set) var isOver = false

    /// Watches a socket that is about to connect to `endpoint`.
    ///
    /// - Parameter number: one that no other has.
    init(
        _ socket: borrowing Socket, to endpoint: TCPEndpoint, in context: Context, number: Int
    ) throws(ZeroMQError) {
        monitor = try SocketMonitor(socket, in: context, name: "broadcast-\(number)")
        search = CoordinatorSearch(endpoint)
    }

    /// Looks whether it is there, and why not.
    ///
    /// - Parameter isAnswered: a coordinator answers; otherwise that comes first.
    /// - Returns: a warning, once.
    mutating func look(isAnswered: Bool) throws(ZeroMQError) -> String? {
        while let event = try monitor.next() {
            if event == .succeeded { isOver = true }
        }
        guard !isOver, isAnswered else { return nil }
        guard let finding = search.take() else {
            if since.duration(to: .now) > Self.patience { search.look() }
            return nil
        }
        if case .connected(.zeroMQ) = finding.peer {
            since = .now
            return nil
        }
        isOver = true
        return
            "the broadcast at \(search.endpoint) brings nothing: \(finding.words); what it would have brought comes over the control connection, one worker after the other; open that port too"
    }
}
