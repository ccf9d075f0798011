/// The process behind a worker, the same over all its connections: whose arithmetic a head is.
package struct TrainerID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number itself.
    package let rawValue: UInt64

    /// The process of this number.
    package init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// By number, which says nothing about age.
    package static func < (left: TrainerID, right: TrainerID) -> Bool {
        left.rawValue < right.rawValue
    }

    /// For logs and failure messages.
    package var description: String { "process \(rawValue)" }
}
