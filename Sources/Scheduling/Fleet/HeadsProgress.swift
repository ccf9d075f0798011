/// How far the training of the heads is: a snapshot to show.
package struct HeadsProgress: Sendable, Equatable {
    /// One worker's line.
    package struct Worker: Sendable, Equatable {
        /// What a worker is doing.
        package enum State: String, Sendable, CaseIterable {
            /// It is being sent features.
            case receiving
            case training
            /// It has nothing to do.
            case waiting
        }

        /// As the worker calls itself.
        package var name: String
        /// What it is doing.
        package var state: State
        /// Heads accepted from it.
        package var headsDone: Int
        /// Accepted heads a second.
        package var headsPerSecond: Double

        /// A worker's line of these figures.
        package init(name: String, state: State, headsDone: Int, headsPerSecond: Double) {
            self.name = name
            self.state = state
            self.headsDone = headsDone
            self.headsPerSecond = headsPerSecond
        }
    }

    /// What the work is counted in: heads, or the units of a study; one of them is called the same
    /// without its last letter.
    package var noun = "heads"
    /// Heads accepted.
    package var headsDone: Int
    /// Heads in all.
    package var headCount: Int
    /// Accepted heads a second, over all workers.
    package var headsPerSecond: Double
    /// 10^9 operations a second over all workers, counted like ``HeadWork/trainingFlops``.
    package var gflopsPerSecond: Double
    /// Share of the work done, in [0, 1], by cost: heads are not equally large.
    package var shareDone: Double
    /// Nil while unknown.
    package var secondsLeft: Double?
    /// Lines of the workers, in the order shown.
    package var workers: [Worker]

    /// Progress of these figures.
    package init(
        headsDone: Int, headCount: Int, headsPerSecond: Double, gflopsPerSecond: Double,
        shareDone: Double, secondsLeft: Double?, workers: [Worker]
    ) {
        self.headsDone = headsDone
        self.headCount = headCount
        self.headsPerSecond = headsPerSecond
        self.gflopsPerSecond = gflopsPerSecond
        self.shareDone = shareDone
        self.secondsLeft = secondsLeft
        self.workers = workers
    }
}
