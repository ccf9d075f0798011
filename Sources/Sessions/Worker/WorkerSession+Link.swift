import Numerics
import Transfer

// What is known of the connection below the messages.
extension WorkerSession {
    /// What is known of the broadcast of a run, which outlives a connection to its coordinator.
    struct Broadcast {
        /// When bytes came last; nil before the first.
        var lastBytesAt: Instant?
        /// Its end came: there is nothing more to wait for.
        var hasEnded = false
    }

    /// Silence on a broadcast that brought bytes after which missing chunks are asked for: its end, which
    /// comes behind the last chunk, may be under way on a slow link.
    static let broadcastPause = Duration.seconds(5)
    /// How long requested chunks may bring no progress while the coordinator is heard, until a new
    /// connection is made: a last resort, since a connection loses nothing.
    static let stallLimit = Duration.seconds(30)
    /// Bytes that are more than signs of life, of which there are fewer than half as many between two
    /// heartbeats.
    static let progressByteCount = 1_024

    /// Takes bytes for a sign of life: all that arrive, and those of results that leave.
    ///
    /// While a result crosses a slow link, heartbeats wait behind it, and their answers with them.
    mutating func moved(broadcast: Int, received: Int, sent: Int, at now: Instant) {
        if broadcast + received > 0 { lastHeard = now }
        if broadcast > 0 { self.broadcast.lastBytesAt = now }
        receivedStep += broadcast + received
        sentStep += sent
        if receivedStep >= Self.progressByteCount {
            receivedStep = 0
            if case .assembling(var assembling) = state {
                assembling.lastProgressAt = now
                state = .assembling(assembling)
            }
        }
        if sentStep >= Self.progressByteCount {
            sentStep = 0
            lastDepartureAt = now
            lastHeard = now
        }
    }

    /// Gives the connections up, and joins again over new ones.
    mutating func reconnect(_ reason: String, at now: Instant) -> [Action] {
        broadcast = Broadcast()
        return [.log("\(reason); connecting again"), .reconnect] + forget() + greet(at: now)
    }

    /// Sends again what the former connection may have lost.
    mutating func connectionRenewed(at now: Instant) -> [Action] {
        switch state {
        case .greeting: return []
        case .welcomed, .assembling, .preparing:
            // It was there a moment ago: a wait begins here, not with the last whole message.
            answeredAt = now
            return forget() + greet(at: now)
        case .ready: return kept.indices.map { sendAgain($0, at: now) }
        }
    }

    /// Whether the coordinator is heard, but has long sent nothing of what was asked for.
    func isStalled(at now: Instant) -> Bool {
        guard case .assembling(let assembling) = state, assembling.pull?.isWaiting == true else {
            return false
        }
        return assembling.lastProgressAt.duration(to: now) >= Self.stallLimit
    }
}
