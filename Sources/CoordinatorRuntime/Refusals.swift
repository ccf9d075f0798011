import ZeroMQ

/// Peers that were kept out, counted.
package struct Refusals: Sendable, Equatable {
    /// Why.
    package enum Reason: String, CaseIterable, Sendable {
        /// It does not encrypt, or otherwise.
        case notEncrypted = "not_encrypted"
        /// It takes another server key for ours.
        case wrongServerKey = "wrong_server_key"
        /// Its handshake breaks the protocol.
        case malformed
        /// Its key is not on the list.
        case notListed = "not_listed"
        /// Its key is not on the list any more.
        case removed
    }

    /// Handshakes and messages refused and connections cut, by reason.
    package private(set) var counts: [Reason: Int] = [:]
    /// Keys that a line was written about.
    private var saidKeys: Set<CurvePublicKey> = []

    /// Keys that lines are written about; more are counted only.
    private static let saidCountMax = 64

    /// Of all reasons.
    package var total: Int { counts.values.reduce(0, +) }

    /// Counts one, and says whether it is the first of its kind.
    mutating func count(_ reason: Reason) -> Bool {
        counts[reason, default: 0] += 1
        return counts[reason] == 1
    }

    /// Counts one, and says whether to write about it: once for each key, and of many keys no more.
    mutating func count(_ reason: Reason, _ key: CurvePublicKey) -> Bool {
        _ = count(reason)
        guard saidKeys.count < Self.saidCountMax else { return false }
        return saidKeys.insert(key).inserted
    }
}
