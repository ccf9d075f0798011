package import Heads

/// The number of a task within its job, its position; tasks are scheduled like heads.
package typealias TaskID = HeadID

/// A task for a worker: what to do, in a language of the programs at both ends.
package struct TaskSpec: Hashable, Sendable {
    /// The task's place in its job.
    package let id: TaskID
    /// What the worker's runner is given; at most ``WireLimits/taskDescriptionByteCountMax`` bytes.
    package let description: [UInt8]

    /// A task under its number.
    package init(id: TaskID, description: [UInt8]) {
        self.id = id
        self.description = description
    }
}

/// What came of a task.
package struct TaskOutcome: Hashable, Sendable {
    /// The task's place in its job.
    package let id: TaskID
    /// What the worker's runner returned; at most ``WireLimits/frameByteCountMax`` bytes.
    package let bytes: [UInt8]

    /// An outcome under its task's number.
    package init(id: TaskID, bytes: [UInt8]) {
        self.id = id
        self.bytes = bytes
    }
}

/// What comes of one piece of work: a head's weights, or a task's outcome.
package enum Product: Equatable, Sendable {
    case head(Head)
    case outcome([UInt8])

    /// Bytes of weights and biases, or of the outcome.
    package var byteCount: Int {
        switch self {
        case .head(let head): head.parameterCount * 4
        case .outcome(let bytes): bytes.count
        }
    }
}

/// A product under the number of its work.
package struct NumberedProduct: Equatable, Sendable {
    /// The head's place in the plan, or the task's in its job.
    package let id: HeadID
    /// What came of it.
    package let product: Product

    /// A product under its number.
    package init(id: HeadID, product: Product) {
        self.id = id
        self.product = product
    }
}

/// What the tasks of a job work on: named blobs of bytes, in chunks.
///
/// A chunk is named by its position among those of all materials in order.
package struct MaterialDescription: Hashable, Sendable {
    /// One of them.
    package struct Item: Hashable, Sendable {
        /// Different from all others.
        package var name: String
        /// How long it is; may be 0.
        package var byteCount: Int
        /// BLAKE2b-256 of each chunk, in order.
        package var chunkHashes: [[UInt8]]

        /// An item of these fields.
        package init(name: String, byteCount: Int, chunkHashes: [[UInt8]]) {
            self.name = name
            self.byteCount = byteCount
            self.chunkHashes = chunkHashes
        }
    }

    /// In the order of the chunks.
    package var items: [Item]
    /// Bytes of every chunk but the last of each item.
    package var chunkByteCount: Int
    /// True if the broadcast is over: what is missing has to be requested.
    package var broadcastComplete: Bool

    /// A description of these fields.
    package init(items: [Item], chunkByteCount: Int, broadcastComplete: Bool) {
        self.items = items
        self.chunkByteCount = chunkByteCount
        self.broadcastComplete = broadcastComplete
    }
}
