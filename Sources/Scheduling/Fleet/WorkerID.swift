/// The number of a worker's incarnation: a process that restarts comes back under a new one.
package struct WorkerID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number itself.
    package let rawValue: UInt64

    /// The worker of this number.
    package init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// By number: the later incarnation is the greater.
    package static func < (left: WorkerID, right: WorkerID) -> Bool {
        left.rawValue < right.rawValue
    }

    /// For logs and failure messages.
    package var description: String { "worker \(rawValue)" }
}
