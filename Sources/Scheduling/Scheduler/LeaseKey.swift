/// A lease's name: which bundle, and which of its attempts.
package struct LeaseKey: Hashable, Comparable, Sendable {
    /// The bundle.
    package let bundle: BundleID
    /// Counts the leases of the bundle, from 1.
    package let attempt: UInt32

    /// The lease of this attempt.
    package init(_ bundle: BundleID, _ attempt: UInt32) {
        self.bundle = bundle
        self.attempt = attempt
    }

    package static func < (left: LeaseKey, right: LeaseKey) -> Bool {
        (left.bundle, left.attempt) < (right.bundle, right.attempt)
    }
}
