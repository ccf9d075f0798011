/// How far a run is: what a progress display shows.
package enum ProgressState: Sendable, Equatable {
    case backbone(BackboneProgress)
    case heads(HeadsProgress)
    /// A phase without figures, such as `reading fashion-mnist`.
    case activity(String)
}

/// The training of the backbone.
package struct BackboneProgress: Sendable, Equatable {
    /// From 1.
    package var epoch: Int
    /// Epochs in all.
    package var epochCount: Int
    /// Rows of this epoch seen.
    package var rowsDone: Int
    /// Rows of an epoch.
    package var rowCount: Int
    /// Mean of this epoch so far; nil before the first minibatch.
    package var loss: Double?
    /// Share of this epoch's rows predicted right so far, or of the test set; nil when unknown.
    package var accuracy: Double?
    /// Training rows a second.
    package var imagesPerSecond: Double
    /// Nil while it cannot be said.
    package var secondsLeft: Double?

    /// Progress of these figures.
    package init(
        epoch: Int, epochCount: Int, rowsDone: Int, rowCount: Int, loss: Double?,
        accuracy: Double?, imagesPerSecond: Double, secondsLeft: Double?
    ) {
        self.epoch = epoch
        self.epochCount = epochCount
        self.rowsDone = rowsDone
        self.rowCount = rowCount
        self.loss = loss
        self.accuracy = accuracy
        self.imagesPerSecond = imagesPerSecond
        self.secondsLeft = secondsLeft
    }
}

/// The training of the heads.
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
            /// It has not been heard of for too long.
            case silent
            /// It finishes its bundle and goes.
            case draining
            case gone
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

    /// What the work is counted in: heads, or the units of a study.
    package var noun = "heads"
    /// Heads accepted.
    package var headsDone: Int
    /// Heads in all.
    package var headCount: Int
    /// Accepted heads a second, over all workers.
    package var headsPerSecond: Double
    /// 10^9 operations a second over all workers, by the textbook's count.
    package var gflopsPerSecond: Double
    /// Share of the work done, in [0, 1], by cost: heads are not equally large.
    package var shareDone: Double
    /// Nil while it cannot be said.
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
