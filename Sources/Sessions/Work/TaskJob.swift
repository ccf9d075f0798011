package import Heads
import Numerics
package import Scheduling
package import Transfer
package import WireProtocol

/// Tasks for workers, which both ends describe in a language of their own.
///
/// A task is named by its position. Longest first, one at a time for each compute thread; one that is
/// taken for slow at the end is given to a second worker that has nothing else to do.
package struct TaskJob: WorkSource {
    /// One task.
    package struct Item: Hashable, Sendable {
        /// About how many operations it takes, not negative and finite.
        ///
        /// Who is given what first, and what is slow, follows from it.
        package let flops: Double
        /// What the worker's runner is given.
        package let description: [UInt8]
        /// What people call it, at the beginning of a sentence too.
        package let name: String

        /// A task of this cost.
        package init(_ name: String, flops: Double, description: [UInt8]) {
            self.name = name
            self.flops = flops
            self.description = description
        }
    }

    /// The tasks, in the order of their numbers.
    package let tasks: [Item]
    /// What they work on, as it is sent.
    package let manifest: ChunkManifest
    /// The digest that an outcome is compared by.
    private let digest: @Sendable ([UInt8]) -> [UInt8]
    /// Whether an outcome is one of such a task: what is not is refused, and its worker blamed.
    private let accepts: @Sendable (WorkID, [UInt8]) -> Bool
    /// Workers that must be ready together before the first lease.
    package let minWorkerCount: Int
    /// How the scheduler is to work on this job.
    package var schedulerConfiguration: SchedulerConfiguration
    /// What people call many of them.
    package let noun: String
    /// Tasks that wait until they are released.
    package let heldWork: Set<WorkID>
    /// What a worker is told of a task when it is given out.
    private let describe: (@Sendable (WorkID) -> [UInt8])?
    /// The tasks that a second process is to do as well.
    package var checkedHeads: Set<WorkID> = []

    /// The tasks as the scheduler weighs them.
    package let work: [HeadWork]
    /// Operations of all tasks.
    package let totalFlops: Double
    /// Digests of the outcomes that an earlier start has; nil where one is missing.
    package let resumedProducts: [Product?]

    /// A job of these tasks.
    ///
    /// - Parameters:
    ///   - manifest: the materials that they work on.
    ///   - known: outcomes of an earlier start, in the order of the tasks and nil where one is missing;
    ///     those tasks are not done again.
    ///   - minWorkerCount: workers that must be ready together before the first task is given out.
    ///   - noun: what people call many of them, by default as a study does.
    ///   - held: tasks that wait until ``CoordinatorSession/Event/released(_:)`` names them.
    ///   - describe: what a worker is told of a task when it is given out, in the place of its
    ///     description: for tasks that begin where others ended. At most
    ///     ``WireLimits/taskDescriptionByteCountMax`` bytes.
    ///   - digest: the digest that outcomes are compared by, which may be large.
    ///   - accepts: whether bytes are an outcome of a task; asked on the network's thread.
    /// - Throws: `overLimit` for a description that no message takes.
    package init(
        tasks: [Item], on manifest: ChunkManifest, known: [[UInt8]?]? = nil,
        minWorkerCount: Int = 1, noun: String = "units", held: Set<WorkID> = [],
        describe: (@Sendable (WorkID) -> [UInt8])? = nil,
        digest: @escaping @Sendable ([UInt8]) -> [UInt8],
        accepts: @escaping @Sendable (WorkID, [UInt8]) -> Bool = { _, _ in true }
    ) throws(WireError) {
        let limit = WireLimits().taskDescriptionByteCountMax
        if let index = tasks.firstIndex(where: { $0.description.count > limit }) {
            throw .overLimit(
                "the description of task \(index) with \(tasks[index].description.count.counted("byte"))"
            )
        }
        precondition(known == nil || known?.count == tasks.count)
        self.accepts = accepts
        self.describe = describe
        heldWork = held
        self.noun = noun
        self.tasks = tasks
        self.manifest = manifest
        self.digest = digest
        self.minWorkerCount = minWorkerCount
        work = tasks.enumerated().map { index, task in
            HeadWork(
                id: WorkID(UInt32(index)), trainingFlops: task.flops, resultByteCount: 0)
        }
        totalFlops = work.reduce(0) { $0 + $1.trainingFlops }
        resumedProducts =
            known?.map { $0.map { .outcome(digest($0)) } }
            ?? [Product?](repeating: nil, count: tasks.count)
        schedulerConfiguration = SchedulerConfiguration(tasksOf: minWorkerCount)
    }

    /// Who did the tasks of an earlier start is not known.
    package var resumedTrainers: [TrainerID?] { [TrainerID?](repeating: nil, count: tasks.count) }

    /// None: outcomes are kept without the names of workers.
    package var formerTrainers: [TrainerID: WorkerReport] { [:] }

    /// None, as above.
    package var formerFaults: [WorkerReport] { [] }

    /// A task may do what only machines of one kind do alike.
    package var isPortable: Bool { false }

    /// Chunks of the materials.
    package var chunkCount: Int { manifest.chunks.count }
    /// Materials are broadcast.
    package var isPulled: Bool { false }

    /// The materials' manifest, as everybody gets it.
    package func description(broadcastComplete: Bool) -> CoordinatorMessage {
        .materials(
            MaterialDescription(manifest: manifest, broadcastComplete: broadcastComplete))
    }

    /// The task itself; a bundle has no more than one.
    package func content(of work: [WorkID]) -> BundleAssignment.Content {
        precondition(work.count == 1)
        return .task(describe?(work[0]) ?? tasks[Int(work[0].rawValue)].description)
    }

    /// Whether it is an outcome of that task.
    package func fits(_ result: BundleTrained, _ work: [WorkID]) -> Bool {
        guard case .task(let bytes) = result.content, work.count == 1 else { return false }
        return accepts(work[0], bytes)
    }

    /// None.
    package func heads(of work: [WorkID]) -> [HeadKey] { [] }

    /// None.
    package func id(of head: HeadKey) -> WorkID? { nil }

    /// The digest of an outcome.
    package func kept(_ product: Product) -> Product {
        switch product {
        case .head: product
        case .outcome(let bytes): .outcome(digest(bytes))
        }
    }

    /// What people call the task.
    package func name(of work: WorkID) -> String { tasks[Int(work.rawValue)].name }
}

extension Product {
    /// Equality of bits, which for finite numbers differs from `==` in the sign of zeros.
    func hasEqualBits(_ other: Product) -> Bool {
        switch (self, other) {
        case (.head(let left), .head(let right)): left.hasEqualBits(right)
        case (.outcome(let left), .outcome(let right)): left == right
        case (.head, .outcome), (.outcome, .head): false
        }
    }
}
