package import Scheduling

/// How far a run is: what a progress display shows.
package enum ProgressState: Sendable, Equatable {
    case backbone(BackboneProgress)
    case heads(HeadsProgress)
    /// A phase without figures, such as `reading fashion-mnist`, and how much of it is done, if that can
    /// be said.
    case activity(String, share: Double? = nil)
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
    /// Nil while unknown.
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
