package import HeadTraining
package import Sessions
package import System

/// What a worker process was asked to be.
package struct WorkerConfiguration: Sendable {
    /// The coordinator's control endpoint, as in `tcp://host:5555`.
    package var endpoint: TCPEndpoint
    /// Compute threads; each trains one bundle at a time.
    package var threadCount: Int
    /// What the coordinator's tables call this worker.
    package var name: String
    /// How long to wait for a coordinator at most; nil is for ever.
    package var waitLimit: WaitLimit?
    /// Wait for the next run when this one is complete.
    package var stays: Bool
    /// End when standard input does: a coordinator's own workers never outlive it.
    package var endsWithStandardInput: Bool
    /// The kernels that train; heads get the same bits from each.
    package var variant: KernelVariant
    /// What encrypts all that is sent and received; nil is nothing.
    package var keys: WorkerKeys?
    /// What does the tasks of jobs that are not heads; nil takes no such jobs.
    package var taskPreparation: TaskPreparation?

    /// A configuration of these values; nothing is connected yet.
    package init(
        endpoint: TCPEndpoint, threadCount: Int, name: String, stays: Bool,
        endsWithStandardInput: Bool, variant: KernelVariant, keys: WorkerKeys? = nil,
        waitLimit: WaitLimit? = nil, taskPreparation: TaskPreparation? = nil
    ) {
        self.endpoint = endpoint
        self.threadCount = threadCount
        self.name = name
        self.stays = stays
        self.endsWithStandardInput = endsWithStandardInput
        self.variant = variant
        self.keys = keys
        self.waitLimit = waitLimit
        self.taskPreparation = taskPreparation
    }
}
