package import Decoding

/// What a study found, ready to be written and drawn: `results.json` of `coordinator reproduce`.
///
/// Everything is in the order of the page; all statistics are computed.
package struct StudyReport: Encodable, Sendable, Equatable {
    /// The command line that wrote it.
    package var command: String
    /// The command lines that computed its results, in order, as far as they are known.
    package var computingCommands: [String] = []
    /// `post` or `full`.
    package var protocolName: String
    /// What every trial shares; nil where unknown.
    package var settings: StudySettings?
    /// Programs and libraries by name, and the processor under `cpu`.
    package var versions: [String: String]
    /// What was found on each data set.
    package var datasets: [StudyDataset]
    /// The difference in accuracy that equivalence tests count as none; see ``StudyVerdict/margin``.
    package var equivalenceMargin = StudyVerdict.margin
    /// Which worker computed what, and when.
    package var timeline: [StudySpan]
    /// A sentence for each part of the study that was not run.
    package var missing: [String]

    /// The number of a cell's trial, from 1.
    package static func trialNumber(_ index: Int, in cell: StudyCell) -> Int {
        1 + (cell.trials.indices.contains(index) ? cell.trials[index] : index)
    }

    /// The two ends of an interval, if there are two and both are finite.
    package static func ends(of interval: [Double]?) -> (lower: Double, upper: Double)? {
        guard let interval, interval.count == 2, interval.allSatisfy(\.isFinite) else { return nil }
        return (interval[0], interval[1])
    }

    /// A report of these parts.
    package init(
        command: String, protocolName: String, versions: [String: String],
        datasets: [StudyDataset], timeline: [StudySpan], missing: [String]
    ) {
        self.command = command
        self.protocolName = protocolName
        self.versions = versions
        self.datasets = datasets
        self.timeline = timeline
        self.missing = missing
    }
}

/// What a study found on one data set.
package struct StudyDataset: Encodable, Sendable, Equatable {
    /// As in `--datasets`.
    package var name: String
    /// In the order of the labels.
    package var classNames: [String]
    /// Training rows that fraction 1 keeps.
    package var trainRowCount: Int
    /// Rows tested on.
    package var testRowCount: Int
    /// SHA-256 of the rows, hexadecimal.
    package var sha256: String
    /// A cell per fraction, arm and scheme, in this order.
    package var cells: [StudyCell]
    /// The cells against their controls, in the order of the cells.
    package var comparisons: [StudyComparison]
    /// Elimination policies per fraction and arm.
    package var frontier: [StudyFrontierPoint]
    /// What a trial trains on, per fraction; empty where unknown.
    package var rows: [StudyRows] = []

    /// What was found on a data set.
    package init(
        name: String, classNames: [String], trainRowCount: Int, testRowCount: Int, sha256: String,
        cells: [StudyCell], comparisons: [StudyComparison], frontier: [StudyFrontierPoint]
    ) {
        self.name = name
        self.classNames = classNames
        self.trainRowCount = trainRowCount
        self.testRowCount = testRowCount
        self.sha256 = sha256
        self.cells = cells
        self.comparisons = comparisons
        self.frontier = frontier
    }
}

/// The training rows of a trial by class, the same in all trials of a fraction.
package struct StudyRows: Encodable, Sendable, Equatable {
    /// Share of each class's training rows.
    package var fraction: Double
    /// Rows of an epoch, copies among them.
    package var rowCounts: [Int]
    /// Rows without copies: what was left after the classes were made unequal.
    package var distinctRowCounts: [Int]

    /// Rows of these numbers.
    package init(fraction: Double, rowCounts: [Int], distinctRowCounts: [Int]) {
        self.fraction = fraction
        self.rowCounts = rowCounts
        self.distinctRowCounts = distinctRowCounts
    }
}

/// One scheme on heads of one arm, over all trials of a data set and fraction.
package struct StudyCell: Encodable, Sendable, Equatable {
    /// Share of each class's training rows.
    package var fraction: Double
    /// How the heads were trained.
    package var arm: CellArm
    /// What they are asked by.
    package var scheme: Scheme
    /// The trials there are, counted from 0, ascending.
    package var trials: [Int] = []
    /// By trial, in the order of the trials.
    package var accuracies: [Double] = []
    /// By trial; empty where only the mean is known.
    package var negativeLogLikelihoods: [Double] = []
    /// By trial; empty where only the mean is known.
    package var brierScores: [Double] = []
    /// By trial, 15 bins; empty where only the mean is known.
    package var expectedCalibrationErrors: [Double] = []
    /// By trial: SHA-256 of what was trained for the arm, hexadecimal; empty where unknown.
    package var headDigests: [String] = []
    /// Heads of all trials, and how many of them are certified to be at their optimum; nil for arms
    /// that are not trained to it.
    package var headCount: Int?
    /// See ``headCount``.
    package var certifiedCount: Int?
    /// By trial: the strength of the heads' L2 penalty; empty without one.
    package var l2: [Double] = []
    /// Mean of the accuracies.
    package var meanAccuracy = 0.0
    /// By trial: the mean over the classes of the share of their test rows predicted right; empty where
    /// unknown.
    package var balancedAccuracies: [Double] = []
    /// Sample standard deviation of the balanced accuracies; nil for one trial.
    package var balancedAccuracyDeviation: Double?
    /// Sample standard deviation of the accuracies; nil for one trial.
    package var standardDeviation: Double?
    /// Of the mean accuracy at 95%, lower and upper end, within 0 and 1: Student's t on the logit
    /// scale; nil for one trial.
    package var interval: [Double]?
    /// Mean over trials.
    package var negativeLogLikelihood = 0.0
    /// Mean over trials.
    package var brierScore = 0.0
    /// Mean over trials, 15 bins.
    package var expectedCalibrationError = 0.0
    /// `[label, prediction]`, row-major, summed over trials.
    package var confusion: [Int] = []
    /// Fifteen equal bins of the highest probability, summed over trials.
    package var calibration: [CalibrationBin] = []

    private enum CodingKeys: String, CodingKey {
        case fraction, arm, scheme, trials, accuracies, headDigests, headCount, certifiedCount, l2
        case meanAccuracy, balancedAccuracies, balancedAccuracyDeviation
        case standardDeviation, interval, confusion, calibration
        // As every file calls them; by trial in the plural, like accuracies.
        case negativeLogLikelihoods = "nlls"
        case brierScores = "briers"
        case expectedCalibrationErrors = "eces"
        case negativeLogLikelihood = "nll"
        case brierScore = "brier"
        case expectedCalibrationError = "ece"
    }

    /// The cell's place in the study, with nothing measured.
    package init(fraction: Double, arm: CellArm, scheme: Scheme) {
        self.fraction = fraction
        self.arm = arm
        self.scheme = scheme
    }
}

/// A cell against a control, paired by trial: what the cell gains.
package struct StudyComparison: Encodable, Sendable, Equatable {
    /// The cell's share of each class's training rows.
    package var fraction: Double
    /// The cell's arm.
    package var arm: CellArm
    /// The cell's scheme.
    package var scheme: Scheme
    /// The control's arm.
    package var againstArm: CellArm
    /// The control's scheme.
    package var against: Scheme
    /// Pairs.
    package var trialCount = 0
    /// Cell minus control, accuracy, mean over trials.
    package var meanDifference = 0.0
    /// At 95%, lower and upper end, within -1 and 1; nil for one trial.
    package var interval: [Double]?
    /// Sample standard deviation of the differences, at least half a test row's; nil for one trial.
    package var differenceDeviation: Double?
    /// The smallest true difference that four of five studies with so many trials would show.
    ///
    /// With differences that vary like these, and Holm's correction at its strictest; above 1 none can
    /// be shown. Nil for one trial.
    package var detectableGain: Double?
    /// Of two one-sided t tests that the difference is within ``StudyReport/equivalenceMargin``; nil
    /// for one trial.
    package var equivalencePValue: Double?
    /// The same after Holm's correction over all comparisons of the study.
    package var equivalencePValueHolm: Double?
    /// Of the paired t test, two-sided; nil where the differences have no spread.
    package var tTestPValue: Double?
    /// The same after Holm's correction over all comparisons of the study.
    package var tTestPValueHolm: Double?
    /// Of Wilcoxon's signed-rank test, two-sided; nil where all differences are zero.
    package var wilcoxonPValue: Double?
    /// The same after Holm's correction over all comparisons of the study.
    package var wilcoxonPValueHolm: Double?
    /// Of the paired differences; nil where they have no spread.
    package var cohensD: Double?
    /// Exact McNemar tests, a p-value a trial.
    package var mcNemarPValues: [Double] = []

    /// A comparison with nothing computed.
    package init(
        fraction: Double, arm: CellArm, scheme: Scheme, againstArm: CellArm, against: Scheme
    ) {
        self.fraction = fraction
        self.arm = arm
        self.scheme = scheme
        self.againstArm = againstArm
        self.against = against
    }
}

/// An elimination policy on the heads of one arm; results.json has all figures on one level.
package struct StudyFrontierPoint: Encodable, Sendable, Equatable {
    /// Share of each class's training rows.
    package var fraction: Double
    /// How the heads were trained.
    package var arm: CellArm
    /// Means over trials.
    package var outcome: PolicyOutcome

    private enum CodingKeys: CodingKey {
        case fraction
        case arm
    }

    /// A policy's figures at a place.
    package init(fraction: Double, arm: CellArm, outcome: PolicyOutcome) {
        self.fraction = fraction
        self.arm = arm
        self.outcome = outcome
    }

    /// Writes place and figures as one object.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(fraction, forKey: .fraction)
        try container.encode(arm, forKey: .arm)
        try outcome.encode(to: encoder)
    }
}

/// A stretch of one worker's time.
package struct StudySpan: Encodable, Sendable, Equatable {
    /// The worker's name.
    package var worker: String
    /// The unit, as in `mnist/0.1/3 backbone frozen`.
    package var work: String
    /// `trial` (backbone, heads on its features, evaluation) or `network`.
    package var kind: String
    /// Seconds from the study's first start.
    package var start: Double
    /// How long it took.
    package var seconds: Double

    /// A stretch of these figures.
    package init(worker: String, work: String, kind: String, start: Double, seconds: Double) {
        self.worker = worker
        self.work = work
        self.kind = kind
        self.start = start
        self.seconds = seconds
    }
}
