import CBackboneKernels
import Numerics
import OneDNN

/// How far an epoch has come.
package struct EpochProgress: Sendable, Hashable {
    /// Counted from 0.
    package let epoch: Int
    /// Rows trained on so far in this epoch.
    package let rowsDone: Int
    /// Rows of the whole epoch.
    package let rowCount: Int
    /// Mean cross-entropy of the rows done, as they weigh, with dropout and as the weights were at
    /// their turn.
    package let meanLoss: Double
    /// Share of the rows done that were classified rightly, with dropout.
    package let accuracy: Double
}

extension Backbone {
    /// Trains one pass over all rows, in an order drawn by (seed, epoch, row).
    ///
    /// - Parameters:
    ///   - epoch: counted from 0; the order and the dropout masks depend on it, and on nothing
    ///     that was done before.
    ///   - pixels: `[sample, channel, row, column]`, bytes.
    ///   - onMinibatch: called after each minibatch. What it throws ends the epoch there, with
    ///     the weights as they are: go on from a checkpoint, not from such a backbone.
    /// - Returns: the progress after the last row.
    /// - Throws: `BackboneError.invalidData` unless the data fit the configuration; `diverged`
    ///   when the loss is not finite; and what `onMinibatch` throws.
    @discardableResult
    package func trainEpoch(
        _ epoch: Int, pixels: [UInt8], labels: [Int],
        onMinibatch: (EpochProgress) throws -> Void = { _ in }
    ) throws -> EpochProgress {
        try configuration.check(pixels: pixels, labels: labels)
        let drawn = try UInt32(checkedEpoch: epoch)
        let training = try preparedTraining()
        engine.adoptCurrentThread()
        let order = epochOrder(drawn, rowCount: labels.count)
        var lossSum = 0.0
        var hitCount = 0
        var progress = EpochProgress(
            epoch: epoch, rowsDone: 0, rowCount: labels.count, meanLoss: 0, accuracy: 0)
        for first in stride(from: 0, to: order.count, by: configuration.batchSize) {
            let done = min(first + configuration.batchSize, order.count)
            let rows = order[first..<done]
            try computeGradients(rows, epoch: drawn, pixels: pixels, labels: labels, training)
            for row in 0..<rows.count {
                lossSum += Double(training.losses[row])
                hitCount += Int(training.hits[row])
            }
            guard lossSum.isFinite else { throw BackboneError.diverged(epoch: epoch) }
            training.update(configuration)
            progress = EpochProgress(
                epoch: epoch, rowsDone: done, rowCount: labels.count,
                meanLoss: lossSum / Double(done), accuracy: Double(hitCount) / Double(done))
            try onMinibatch(progress)
        }
        return progress
    }

    /// The mean loss of one minibatch, with the dropout of an epoch, and its gradient.
    ///
    /// Changes no weight. The minibatch is all the rows given, in their order.
    ///
    /// - Throws: `BackboneError.invalidData` unless the data fit the configuration and one
    ///   minibatch.
    package func gradients(
        epoch: Int, pixels: [UInt8], labels: [Int]
    ) throws(BackboneError) -> (loss: Double, gradients: BackboneWeights) {
        try configuration.check(pixels: pixels, labels: labels)
        guard labels.count <= configuration.batchSize else {
            throw .invalidData(
                "\(labels.count.counted("row")) are no single minibatch; give at most"
                    + " \(configuration.batchSize)")
        }
        let drawn = try UInt32(checkedEpoch: epoch)
        let training = try preparedTraining()
        engine.adoptCurrentThread()
        let rows = (0..<labels.count).map { UInt32($0) }
        try computeGradients(rows[...], epoch: drawn, pixels: pixels, labels: labels, training)
        training.backward.computeFc1Gradient()
        let sum = training.losses[..<rows.count].reduce(0.0) { $0 + Double($1) }
        return (sum / Double(rows.count), try store(training.backward.gradients))
    }

    /// All rows, sorted by a random key of (seed, epoch, row).
    private func epochOrder(_ epoch: UInt32, rowCount: Int) -> [UInt32] {
        let keyed = (0..<UInt32(rowCount)).map { row in
            let key = Philox.key(
                seed: configuration.seed, purpose: .backboneOrder, row, epoch, 0)
            return (key: key, row: row)
        }
        return keyed.sorted { ($0.key, $0.row) < ($1.key, $1.row) }.map(\.row)
    }

    /// Forwards and backwards over one minibatch; leaves losses, hits and gradients behind, but
    /// for those of fc1, which the update computes for itself.
    ///
    /// Rows that a smaller minibatch lacks are zeros forwards and have a gradient of zero
    /// backwards, so they add exactly nothing.
    private func computeGradients(
        _ rows: ArraySlice<UInt32>, epoch: UInt32, pixels: [UInt8], labels: [Int],
        _ training: TrainingState
    ) throws(BackboneError) {
        training.rows.removeAll(keepingCapacity: true)
        training.rows.append(contentsOf: rows)
        training.labels.removeAll(keepingCapacity: true)
        for row in rows { training.labels.append(Int32(labels[Int(row)])) }
        loadInput(pixels, rows: training.rows)
        let flatten = Dropout(share: configuration.flattenDropout)
        let dense = Dropout(share: configuration.denseDropout)
        let backward = training.backward
        try BackboneError.wrapping { () throws(OneDNNError) in
            try forward.convolve()
            dropPooled(flatten, rows: training.rows, epoch: epoch)
            try forward.computeHidden()
            dropHidden(dense, rows: training.rows, epoch: epoch)
            try forward.computeLogits()
            computeLosses(training)
            try backward.throughLogits()
            reluBackward(forward.hidden, backward.hiddenGradient, scale: dense.scale)
            try backward.throughHidden()
            try backward.throughConvolutions(rowCount: rows.count, scale: flatten.scale)
        }
    }
}

extension UInt32 {
    /// - Throws: `BackboneError.invalidData` unless the epoch can be a counter word.
    fileprivate init(checkedEpoch epoch: Int) throws(BackboneError) {
        guard let word = UInt32(exactly: epoch) else {
            throw .invalidData("\(epoch) is no epoch; count from 0")
        }
        self = word
    }
}
