import Logging
import Numerics
import System
import ZeroMQ

/// Where a worker's coordinator is, and what keeps it from answering.
struct CoordinatorFinder {
    /// What to do after a look.
    struct Outcome {
        var line: (level: Logger.Level, text: String)?
        /// Whether to make a new control connection, to ``CoordinatorFinder/peer``.
        var connects = false
        /// Why the worker ends, if it has waited for as long as it may.
        var verdict: String?
    }

    /// The coordinator's address; nil while its name has none.
    private(set) var peer: TCPEndpoint?
    private let isEncrypted: Bool
    private let search: CoordinatorSearch
    private var wait: CoordinatorWait
    private var handshakes = HandshakeWatch()
    /// What became of the last handshake of the control connection; nil before there is one.
    private var handshake: HandshakeEvent?
    /// Whether the coordinator was last seen to encrypt; nil if it was not seen.
    private var peerEncrypts: Bool?

    /// A name is resolved at once; an address needs no look until it is silent.
    init(_ configuration: WorkerConfiguration) {
        isEncrypted = configuration.keys != nil
        search = CoordinatorSearch(configuration.endpoint)
        wait = CoordinatorWait(configuration.waitLimit)
        if configuration.endpoint.address == nil {
            search.look()
        } else {
            peer = configuration.endpoint
        }
    }

    /// Takes in how a handshake ended.
    ///
    /// - Returns: a warning, if there is something new to say.
    mutating func note(_ event: HandshakeEvent) -> String? {
        handshake = event
        return handshakes.handle(event, isEncrypted: isEncrypted && peerEncrypts == true, at: .now)
    }

    /// Whether it is time to connect again after a refusal, which libzmq does not.
    mutating func isRetryDue() -> Bool {
        guard let retryAt = handshakes.retryAt, retryAt <= .now else { return false }
        handshakes.retried()
        return true
    }

    /// The control connection is a new one.
    mutating func connected() { handshake = nil }

    /// Looks, now and then, while no coordinator answers.
    ///
    /// - Parameter start: since when none does; nil while one does.
    mutating func look(since start: Instant?, at now: Instant) -> Outcome {
        var outcome = Outcome()
        guard let start else {
            wait.answered()
            // What was found, or became of a connection, is nothing for the next time.
            _ = search.take()
            handshake = nil
            return outcome
        }
        if let finding = search.take() { outcome = take(finding) }
        let hasFailed = handshake != nil && handshake != .succeeded
        let isUrgent = hasFailed && peerEncrypts == nil
        if wait.isLookDue(since: start, at: now, isUrgent: isUrgent) { search.look() }
        outcome.verdict = wait.verdict(since: start, at: now)
        return outcome
    }

    /// Goes where a coordinator was found, or says why there is none.
    private mutating func take(_ finding: CoordinatorSearch.Finding) -> Outcome {
        var outcome = Outcome()
        if case .connected(.zeroMQ(let mechanism, _)) = finding.peer {
            peerEncrypts = mechanism != "NULL"
        }
        let mayAnswer = finding.mayAnswer(isEncrypted: isEncrypted)
        // libzmq waits long between two tries, and never tries again where it met another protocol.
        let isBetter = mayAnswer && (finding.address != peer || handshake == nil)
        if let address = finding.address, peer == nil || isBetter {
            peer = address
            outcome.connects = true
        }
        // What is wrong with a handshake its watch says, when it is sure.
        let isExplained = mayAnswer && handshake != .succeeded
        let reason = finding.reason(search.endpoint, isEncrypted: isEncrypted)
        if !isExplained, let line = wait.line(for: reason) {
            outcome.line = (finding.isOrdinary ? .info : .warning, line)
        }
        return outcome
    }
}
