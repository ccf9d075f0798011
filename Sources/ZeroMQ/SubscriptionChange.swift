/// What an XPUB socket receives when a subscriber comes or goes.
package enum SubscriptionChange: Hashable, Sendable {
    case subscribed(topic: [UInt8])
    case unsubscribed(topic: [UInt8])

    /// Reads a received message; nil if it is not a subscription.
    package init?(_ parts: [Frame]) {
        guard parts.count == 1, let first = parts.first?.bytes else { return nil }
        switch first.first {
        case 0: self = .unsubscribed(topic: Array(first.dropFirst()))
        case 1: self = .subscribed(topic: Array(first.dropFirst()))
        default: return nil
        }
    }
}
