import Sessions
import ZeroMQ

/// Keeps strangers out of an encrypted run, on the network thread.
///
/// libzmq asks who may connect at handshakes only. So every message is looked at for the key of its
/// sender too, and when the list changes, those whose keys it lost are cut off at once.
final class AccessControl {
    typealias PeerID = CoordinatorSession.PeerID

    /// Where the control socket listens too, within this process.
    static let backDoor = "inproc://control"
    /// Keys that are remembered as removed, to tell them from those never listed.
    private static let removedCountMax = 1_024
    /// Peers whose keys are remembered before those that came to nothing are forgotten.
    private static let keyCountMax = 2 * CoordinatorSession.workerCountMax

    let admission: Admission
    private let context: Context
    private let observer: any SessionObserver
    private let desk: HandshakeDesk
    private(set) var refusals = Refusals()
    /// Keys that a line was written about.
    private var saidKeys: Set<CurvePublicKey> = []
    /// Keys of peers whose messages were let through.
    private var keys: [PeerID: CurvePublicKey] = [:]
    /// Keys that were let in at a handshake.
    private var admitted: Set<CurvePublicKey> = []
    private var removed: Set<CurvePublicKey> = []
    private var version: Int

    /// Keys that lines are written about; more are counted only.
    private static let saidCountMax = 64

    /// Counts a refusal, and says whether to write about it: once for each key, and of many keys no
    /// more.
    private func count(_ reason: Refusals.Reason, _ key: CurvePublicKey) -> Bool {
        _ = refusals.count(reason)
        guard saidKeys.count < Self.saidCountMax else { return false }
        return saidKeys.insert(key).inserted
    }

    /// Opens the desk: before any socket of the context is bound.
    init(_ admission: Admission, in context: Context, observer: any SessionObserver)
        throws(ZeroMQError)
    {
        self.admission = admission
        self.context = context
        self.observer = observer
        desk = try HandshakeDesk(in: context)
        version = admission.version
    }

    var pollTarget: PollTarget { desk.pollTarget }

    /// Admits or refuses connecting peers.
    func answer() throws(ZeroMQError) {
        try desk.answer { applicant in
            if admission.name(of: applicant.key) != nil {
                admitted.insert(applicant.key)
                return true
            }
            let reason = removed.contains(applicant.key) ? Refusals.Reason.removed : .notListed
            if count(reason, applicant.key) {
                observer.log(
                    .warning,
                    "a worker at \(applicant.address) was refused: its key, fingerprint \(Admission.fingerprint(of: applicant.key)), is not on the list of those who may join"
                )
            }
            return false
        }
    }

    /// Counts the handshakes that failed before there was a key to ask about.
    func count(_ monitor: SocketMonitor) throws(ZeroMQError) {
        while let event = try monitor.next() {
            switch event {
            case .otherMechanism:
                say(.notEncrypted, "it does not encrypt; workers need --key and --server-key")
            case .wrongKey:
                say(.wrongServerKey, "it was given another --server-key than this coordinator's")
            case .malformed:
                say(.malformed, "its handshake makes no sense")
            case .succeeded, .notAdmitted, .brokenOff:
                // Counted at the desk, or nobody's fault.
                break
            }
        }
    }

    private func say(_ reason: Refusals.Reason, _ text: String) {
        guard refusals.count(reason) else { return }
        observer.log(.warning, "a peer was refused: \(text); further ones are only counted")
    }

    /// Whether a message may be read: its sender's key is still on the list.
    func admits(_ message: [Frame], from peer: PeerID) -> Bool {
        // Whoever has no key is no peer: all of them came through the desk.
        guard let text = message.last?.userID, let key = CurvePublicKey(z85: text) else {
            return false
        }
        guard admission.name(of: key) != nil else {
            _ = count(.removed, key)
            return false
        }
        keys[peer] = key
        return true
    }

    /// Forgets peers that the session does not know, once there are many.
    func prune(isKnown: (PeerID) -> Bool) {
        guard keys.count > Self.keyCountMax else { return }
        keys = keys.filter { isKnown($0.key) }
    }

    /// Peers whose keys the list has lost since the last call, and whether any key was lost that
    /// may hold a connection; nil if the list is the same.
    ///
    /// - Parameter isKnown: whether a peer need be remembered.
    func changes(
        isKnown: (PeerID) -> Bool
    ) -> (expelled: [PeerID], isBroadcastOpen: Bool)? {
        guard admission.version != version else { return nil }
        version = admission.version
        keys = keys.filter { isKnown($0.key) }
        let lost = admitted.filter { admission.name(of: $0) == nil }
        admitted.subtract(lost)
        removed = removed.filter { admission.name(of: $0) == nil }
        for key in lost.sorted() where removed.count < Self.removedCountMax { removed.insert(key) }
        let expelled = keys.filter { lost.contains($0.value) }.map(\.key)
            .sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        for peer in expelled {
            guard let key = keys.removeValue(forKey: peer) else { continue }
            // The session says it, by the worker's name.
            _ = count(.removed, key)
        }
        observer.log(
            .info, "the list of those who may join was read again; keys: \(admission.listedCount)")
        return (expelled, !lost.isEmpty)
    }

    /// Ends a connection of the control socket: nothing of it is read any more, nor sent to it.
    ///
    /// libzmq has no call for that. But a router hands an identity over to whoever comes later with
    /// it (ROUTER_HANDOVER), and that can be somebody of our own, who leaves at once.
    func cutOff(_ peer: PeerID) throws(ZeroMQError) {
        var options = SocketOptions()
        options.identity = peer.bytes
        options.lingerMilliseconds = 0
        try Socket(.dealer, in: context, options: options).connect(Self.backDoor)
    }
}
