import ZeroMQ

/// What a worker makes of handshakes that fail: what to say, once, and when to try again.
///
/// libzmq tries again by itself where a connection broke, and never where it was told no.
struct HandshakeWatch {
    private static let firstPause = Duration.seconds(1)
    private static let longestPause = Duration.seconds(32)
    /// Connections that break off one after the other before that is worth a line: one may be a
    /// coordinator that ended at that moment.
    private static let brokenOffCount = 3

    private var said: Set<String> = []
    private var brokenOff = 0
    private var pause = firstPause
    /// When to make a new connection; nil while libzmq tries by itself.
    private(set) var retryAt: ContinuousClock.Instant?

    /// Takes an event in.
    ///
    /// - Parameter isEncrypted: whether both sides are known to encrypt. What else may be wrong a
    ///   ``CoordinatorSearch`` finds out.
    /// - Returns: a line for the log, if there is something new to say.
    mutating func handle(
        _ event: HandshakeEvent, isEncrypted: Bool, at now: ContinuousClock.Instant
    ) -> String? {
        switch event {
        case .succeeded:
            self = HandshakeWatch()
            return nil
        case .brokenOff:
            brokenOff += 1
            return isEncrypted && brokenOff >= Self.brokenOffCount ? say(Self.wrongServer) : nil
        case .notAdmitted, .otherMechanism, .wrongKey, .malformed:
            retryAt = now + pause
            pause = min(pause * 2, Self.longestPause)
            if event == .notAdmitted { return say(Self.notListed) }
            return isEncrypted || event == .wrongKey ? say(Self.wrongServer) : nil
        }
    }

    private mutating func say(_ text: String) -> String? {
        said.insert(text).inserted ? text + "; trying on" : nil
    }

    private static let notListed =
        "the coordinator does not let this worker in: its public key is not on the list given to --allow"

    /// One cause shows in several ways, by which end notices it first.
    private static let wrongServer =
        "the coordinator breaks the handshake off: is --server-key its public key, and is this its control port?"

    /// Forgets the time to try again: now is it.
    mutating func retried() { retryAt = nil }
}
