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

    /// None so far.
    package init() {}

    /// Of all reasons.
    package var total: Int { counts.values.reduce(0, +) }

    /// Counts one, and says whether it is the first of its kind.
    package mutating func count(_ reason: Reason) -> Bool {
        counts[reason, default: 0] += 1
        return counts[reason] == 1
    }
}
