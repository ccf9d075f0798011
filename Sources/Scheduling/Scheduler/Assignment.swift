import Heads

/// The number of a bundle within a run; never used twice.
package struct BundleID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number itself.
    package let rawValue: UInt64

    /// The bundle of this number.
    package init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// By number: the later bundle is the greater.
    package static func < (left: BundleID, right: BundleID) -> Bool {
        left.rawValue < right.rawValue
    }

    /// For logs and failure messages.
    package var description: String { "bundle \(rawValue)" }
}

/// A bundle given to a worker: what one lease covers.
package struct Assignment: Hashable, Sendable {
    /// Whose heads these are.
    package let bundle: BundleID
    /// Counts the leases of this bundle, from 1.
    package let attempt: UInt32
    /// What to train, in this order.
    ///
    /// A later attempt may list fewer heads than an earlier one.
    package let heads: [WorkID]

    /// A bundle's heads under one attempt number.
    package init(bundle: BundleID, attempt: UInt32, heads: [WorkID]) {
        self.bundle = bundle
        self.attempt = attempt
        self.heads = heads
    }
}

/// A head to be trained, as the scheduler sees it: what it costs, not what it is.
package struct HeadWork: Hashable, Sendable {
    /// Its number in the plan.
    package let id: WorkID
    /// Floating-point operations to train it (``HeadKey/trainingFlops(rowCount:featureCount:epochCount:)``).
    package let trainingFlops: Double
    /// Bytes of its trained weights and biases on the wire.
    package let resultByteCount: Int

    /// Traps on a cost that is negative or not finite, or a negative byte count.
    package init(id: WorkID, trainingFlops: Double, resultByteCount: Int) {
        precondition(trainingFlops.isFinite && trainingFlops >= 0)
        precondition(resultByteCount >= 0)
        self.id = id
        self.trainingFlops = trainingFlops
        self.resultByteCount = resultByteCount
    }
}
