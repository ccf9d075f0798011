import Sessions
import System
import WireProtocol
import ZeroMQ

/// Keeps connections from taking the coordinator's memory and file descriptors.
struct ConnectionGuard {
    /// File descriptors for everything that is no connection: the run's files, workers' pipes.
    private static let reservedDescriptorCount = 256
    private static let connectionCountMax = 16_384
    /// What a subscriber may send: one topic, and a sign of life now and then.
    private static let subscriberByteCounts = (byteCountMax: 64 << 10, perSecond: 1 << 10)
    /// Between two lines about it.
    private static let silence = Duration.seconds(10)

    private let broadcastLimits: ConnectionLimits
    private var control: ConnectionWatch?
    private var broadcast: ConnectionWatch?
    private var nextLine = ContinuousClock.now
    private var unsaidCount = 0
    /// When bytes last reached workers, as far as is known; the beginning before the first.
    private(set) var lastSentAt = ContinuousClock.now

    /// Watches both sockets, which are bound.
    init(control: borrowing Socket, broadcast: borrowing BroadcastOutlet) {
        let descriptorCount = SystemLimit.raiseDescriptorLimit()
        var limits = ConnectionLimits(
            countMax: min(
                Self.connectionCountMax,
                max(1, (descriptorCount - Self.reservedDescriptorCount) / 2)))
        // The largest result, with what may come behind it before anybody looks.
        limits.unfinishedByteCountMax = WireLimits().resultByteCountMax + 32 << 20
        limits.unreadByteCountMax += 2 * WireLimits().resultByteCountMax
        self.control = ConnectionWatch(control, limits: limits)
        limits.total = Self.subscriberByteCounts
        broadcastLimits = limits
        self.broadcast = broadcast.watch(limits)
    }

    /// Watches the socket that a broadcast has now; the former one is closed with its watch.
    mutating func watch(_ broadcast: borrowing BroadcastOutlet) {
        self.broadcast = broadcast.watch(broadcastLimits)
    }

    /// Looks at all connections, now and then.
    ///
    /// - Parameter isDrained: the control socket had nothing more to read a moment ago.
    /// - Returns: the workers that bytes arrived from, whole messages or not.
    mutating func look(
        isDrained: Bool, _ observer: any SessionObserver
    ) -> [CoordinatorSession.PeerID] {
        for cut in [control?.look(isDrained: isDrained), broadcast?.look(isDrained: true)] {
            guard let cut else { continue }
            unsaidCount += cut.count
            guard ContinuousClock.now >= nextLine else { continue }
            nextLine = .now + Self.silence
            observer.log(
                .warning, "connections were cut: \(unsaidCount), the last for \(cut.reason)")
            unsaidCount = 0
        }
        guard let traffic = control?.takeTraffic() else { return [] }
        if traffic.sentByteCount > 0 { lastSentAt = .now }
        return traffic.senders.map { CoordinatorSession.PeerID(bytes: $0) }
    }
}
