package import Heads

/// What a worker tells the coordinator.
package enum WorkerMessage: Equatable, Sendable {
    /// First of a connection, resent until it is answered.
    case hello(Hello)
    /// Sent every interval that ``Welcome`` names.
    case heartbeat(WorkerHeartbeat)
    /// Asks for chunks by their positions in the manifest, ascending.
    case chunkRequest([Int])
    /// All features or materials are held.
    case ready
    case bundleTrained(BundleTrained)
    case bundleFailed(BundleFailed)
    /// The worker leaves and returns what it held.
    case goodbye
}

/// Who a worker is.
package struct Hello: Hashable, Sendable {
    /// Drawn at random when the worker process starts; tells a restart from a reconnection.
    package var incarnation: UInt64
    /// What people call the worker.
    package var name: String
    /// The machine it runs on.
    package var host: String
    /// The kernel variant in use, as in "avx2".
    package var isa: String
    /// Its compute threads.
    package var threadCount: Int
    /// Bundles it can train at the same time.
    package var slotCount: Int
    /// Its number on that machine.
    package var processID: Int
    /// What the machine calls its processor, on which the bytes of tasks may depend; may be empty.
    package var cpu: String

    /// A hello of these fields.
    package init(
        incarnation: UInt64, name: String, host: String, isa: String, threadCount: Int,
        slotCount: Int, processID: Int, cpu: String = ""
    ) {
        self.incarnation = incarnation
        self.name = name
        self.host = host
        self.isa = isa
        self.threadCount = threadCount
        self.slotCount = slotCount
        self.processID = processID
        self.cpu = cpu
    }
}

/// A sign of life and what a worker has used so far.
package struct WorkerHeartbeat: Hashable, Sendable {
    /// As in ``Hello``.
    package var incarnation: UInt64
    /// Seconds spent training since the process started.
    package var busySeconds: Double
    /// The most memory the process has had in use.
    package var peakRSSByteCount: Int
    /// Feature bytes received of this run, repeated and damaged ones among them.
    package var receivedByteCount: Int
    /// Bundles in training now; a death makes them suspect, and no others.
    package var runningBundles: [UInt64]

    /// A heartbeat of these fields.
    package init(
        incarnation: UInt64, busySeconds: Double, peakRSSByteCount: Int, receivedByteCount: Int,
        runningBundles: [UInt64]
    ) {
        self.incarnation = incarnation
        self.busySeconds = busySeconds
        self.peakRSSByteCount = peakRSSByteCount
        self.receivedByteCount = receivedByteCount
        self.runningBundles = runningBundles
    }
}

/// The heads of a bundle, or the outcome of a task.
///
/// Decoding checks heads against themselves: shapes, classes, finite numbers. That they are the
/// leased ones is for the coordinator's session to check.
package struct BundleTrained: Equatable, Sendable {
    /// What a result is made of.
    package enum Content: Equatable, Sendable {
        /// In the order of the assignment, none twice, all reading as many features.
        case heads([HeadBlock])
        /// What the worker's runner returned; at most ``WireLimits/frameByteCountMax`` bytes.
        case task([UInt8])
    }

    /// As in the assignment.
    package var bundle: UInt64
    /// As in the assignment.
    package var attempt: UInt32
    /// Seconds the training took.
    package var busySeconds: Double
    /// What came of it.
    package var content: Content

    /// A result of this content.
    package init(bundle: UInt64, attempt: UInt32, busySeconds: Double, content: Content) {
        self.bundle = bundle
        self.attempt = attempt
        self.busySeconds = busySeconds
        self.content = content
    }

    /// What came of each piece of work, in the order of the assignment.
    package var products: [Product] {
        switch content {
        case .heads(let blocks): blocks.flatMap { $0.heads.map { .head($0) } }
        case .task(let bytes): [.outcome(bytes)]
        }
    }

    /// Bytes of the heads or of the outcome.
    package var byteCount: Int { products.reduce(0) { $0 + $1.byteCount } }

    /// Bytes of weights and biases of `heads`: more than ``WireLimits/resultByteCountMax`` no result has.
    package static func byteCount(of heads: [HeadKey], featureCount: Int) -> Int {
        heads.reduce(0) { $0 + $1.outputCount } * (featureCount + 1) * 4
    }
}

/// A bundle that could not be trained, or a task that could not be done.
package struct BundleFailed: Hashable, Sendable {
    /// As in the assignment.
    package var bundle: UInt64
    /// As in the assignment.
    package var attempt: UInt32
    /// Why, for people.
    package var reason: String
    /// It was not trained because the worker leaves, was told to drop it, or never had it;
    /// otherwise training it went wrong.
    package var isDeclined: Bool

    /// A failure of these fields.
    package init(bundle: UInt64, attempt: UInt32, reason: String, isDeclined: Bool = false) {
        self.bundle = bundle
        self.attempt = attempt
        self.reason = reason
        self.isDeclined = isDeclined
    }
}
