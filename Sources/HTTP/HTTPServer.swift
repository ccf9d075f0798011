import Synchronization
package import System

/// HTTP/1.1 on a few threads, each of which reads, has the service answer, and writes.
///
/// An answer leaves from the thread that read the request, in one write: no hand-over costs a lone
/// request time. A thread takes all connections that are ready, so requests that arrive together are
/// answered together. Work that takes a while is done in parts between which threads go on serving.
///
/// The limits hold against whoever connects: sizes, times, the number of connections. Connections
/// stay open after errors that leave no doubt where the next request begins.
package final class HTTPServer: Sendable {
    /// Connections that get an answer although there are too many: that there are too many.
    private static let refusedCountMax = 128

    /// Where it listens.
    package var endpoint: TCPEndpoint { listener.endpoint }

    let limits: HTTPLimits
    let poll: ReadinessPoll
    let queue = HTTPWorkQueue()
    private let listener: TCPListener
    private let threads: [ThreadExecutor]
    private let start = ContinuousClock.now
    private let connections = Mutex<[Int32: HTTPConnection]>([:])
    private let heldByteCount = Atomic<Int>(0)
    private let nextSweep = Atomic<Int64>(0)
    /// When the last request in flight is given up; the future of the future until `stop`.
    private let stopTime = Atomic<Int64>(.max)
    /// Whether the listener waits for a descriptor to become free.
    private let isListenerIdle = Atomic<Bool>(false)

    /// A server that listens already, and answers once it runs.
    ///
    /// - Throws: `unavailable` where the system has no descriptor or thread left.
    package init(
        _ listener: TCPListener, limits: HTTPLimits = HTTPLimits(), threadCount: Int
    ) throws(RunError) {
        self.listener = listener
        self.limits = limits
        poll = try ReadinessPoll()
        threads = try (0..<max(1, threadCount)).map { (index) throws(RunError) in
            try ThreadExecutor(name: "http-\(index)")
        }
        guard poll.add(listener.descriptor, for: .reading) else {
            throw RunError(.unavailable, "cannot wait for connections: no memory is left")
        }
    }

    /// How many connections are open.
    package var connectionCount: Int { connections.withLock(\.count) }

    /// Serves until ``stop()``, and returns when the last answer has been sent, or the time for that is
    /// over.
    package func run(_ service: any HTTPService) async {
        await withTaskGroup(of: Void.self) { group in
            for thread in threads {
                group.addTask {
                    // Not cancelled: `stop` ends it.
                    try? await thread.run { HTTPLoop(self, service).run() }
                }
            }
        }
        connections.withLock { connections in
            for connection in connections.values { connection.socket.abort() }
            connections = [:]
        }
        for thread in threads { await thread.shutdown() }
    }

    /// Takes no more connections, closes those without a request, and lets ``run(_:)`` return once the
    /// others have their answers.
    package func stop() {
        stopTime.store(now + Int64(limits.stopSeconds) * 1_000, ordering: .relaxed)
        listener.endListening()
        nextSweep.store(0, ordering: .relaxed)
        poll.wake()
    }

    /// Milliseconds since the server was made.
    var now: Int64 {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    }

    var isStopping: Bool { stopTime.load(ordering: .relaxed) != .max }

    var isOver: Bool {
        let stop = stopTime.load(ordering: .relaxed)
        return stop != .max && (now >= stop || connections.withLock(\.isEmpty))
    }

    func connection(_ descriptor: Int32) -> HTTPConnection? {
        connections.withLock { $0[descriptor] }
    }

    func isListener(_ descriptor: Int32) -> Bool { descriptor == listener.descriptor }

    /// Takes the connections that wait.
    ///
    /// - Parameter refuse: gets those that are too many.
    func acceptAll(_ refuse: (HTTPConnection) -> Void) {
        while !isStopping {
            switch listener.accept() {
            case .none:
                poll.arm(listener.descriptor, for: .reading)
                return
            case .exhausted:
                // Armed again a second later: until then it would be ready all the time.
                isListenerIdle.store(true, ordering: .relaxed)
                return
            case .connection(let socket):
                let connection = HTTPConnection(
                    socket, limits, deadline: now + Int64(limits.idleSeconds) * 1_000)
                let count = connections.withLock { connections in
                    connections[socket.descriptor] = connection
                    return connections.count
                }
                if count > limits.connectionCountMax + Self.refusedCountMax {
                    close(connection)
                } else if !poll.add(socket.descriptor, for: .reading) {
                    close(connection)
                } else if count > limits.connectionCountMax {
                    refuse(connection)
                }
            }
        }
    }

    /// Forgets a connection; it is closed when its last user lets go of it.
    func close(_ connection: HTTPConnection) {
        hold(connection, 0)
        connection.socket.abort()
        // Only now may the system give the number to another connection: the table has none of it.
        connections.withLock { $0[connection.socket.descriptor] = nil }
    }

    /// Counts what a connection holds.
    ///
    /// - Returns: false where all connections together now hold more than they may.
    @discardableResult
    func hold(_ connection: HTTPConnection, _ byteCount: Int) -> Bool {
        let change = byteCount - connection.accountedByteCount
        guard change != 0 else { return true }
        connection.accountedByteCount = byteCount
        let total = heldByteCount.add(change, ordering: .relaxed).newValue
        return change < 0 || total <= limits.totalByteCountMax
    }

    /// Looks once a second for connections that have taken too long, and for those without a request
    /// when the server stops; one thread does it.
    func sweep() {
        let (now, due) = (self.now, nextSweep.load(ordering: .relaxed))
        guard now >= due,
            nextSweep.compareExchange(
                expected: due, desired: now + (isStopping ? 20 : 1_000), ordering: .relaxed
            ).exchanged
        else { return }
        if isListenerIdle.exchange(false, ordering: .relaxed), !isStopping {
            poll.arm(listener.descriptor, for: .reading)
        }
        // Under the lock: none of them is closed, and its number given away, meanwhile.
        connections.withLock { connections in
            for connection in connections.values
            where connection.deadline <= now || isStopping && connection.phase == .idle {
                switch connection.phase {
                // What has arrived at this moment is still read, and a request answered. The thread
                // that finds the end of half a request says that the time is over.
                case .idle, .reading: connection.socket.endReceiving()
                case .answering, .ending: connection.socket.abort()
                case .working: break
                }
            }
        }
    }
}
