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
