/// What every trial of a study shares: with its key, all that its numbers depend on.
package struct StudySettings: Hashable, Codable, Sendable {
    /// Which rows and classes a study is on.
    package enum Scope: String, Codable, Sendable, CaseIterable {
        /// Classes 0 to 4 and every tenth training row: what the post's code does.
        case post
        /// All classes, all rows.
        case full

        /// One of every so many training rows of the kept classes is kept.
        package var every: Int { self == .post ? 10 : 1 }
        /// The classes kept, in the words of `--classes`.
        package var classes: String { self == .post ? "0-4" : "all" }
    }

    /// What is done about classes of unequal size.
    package enum Balance: String, Codable, Sendable, CaseIterable {
        case none
        /// Rows weigh in every loss so that the classes weigh the same in all: for the backbone over all
        /// classes, for a head over its own.
        case weights
        /// Rows of the smaller classes are repeated, for backbone and heads alike.
        case resample
    }

    /// Which rows and classes, where nothing else is asked for.
    package var scope: Scope
    /// The classes kept in place of the scope's, in the words of `--classes`.
    package var otherClasses: String?
    /// One of every so many training rows is kept, in place of the scope's number.
    package var otherEvery: Int?
    /// How many times more rows the first class keeps than the last, the others between them in equal
    /// ratios; 1 keeps all.
    package var imbalance = 1.0
    /// What is done about it.
    package var balance = Balance.none
    /// Epochs of the backbone.
    package var epochCount = 12
    /// Epochs of every head, and of the equal-step control.
    package var headEpochCount = 20
    /// Rows per update.
    package var batchSize = 128
    /// Adadelta's learning rate.
    package var learningRate: Float = 1
    /// Share of the features dropped while heads on frozen features train.
    package var headDropout: Float = 0.5
    /// Of converged heads; nil has each trial choose it by cross-validation on its training rows.
    package var l2: Double?
    /// Base of the seeds of all trials.
    package var seed: UInt64 = 0

    /// The post's settings.
    package init(scope: Scope) { self.scope = scope }

    /// Whether rows and classes are the scope's own, as they are in the data set.
    package var keepsScope: Bool {
        otherClasses == nil && otherEvery == nil && imbalance == 1 && balance == .none
    }

    /// The classes kept, in the words of `--classes`.
    package var classes: String { otherClasses ?? scope.classes }
    /// One of every so many training rows of the kept classes is kept.
    package var every: Int { otherEvery ?? scope.every }
}

/// A unit of work of a study, which one worker computes and the journal keeps as a whole.
package enum StudyUnit: Hashable, Codable, Sendable, CustomStringConvertible {
    /// A trial's backbone, and arms of heads on its frozen features; with the equal-step control, or
    /// without it where that was evaluated before.
    case trial(TrialKey, arms: [StudyArm], isControlled: Bool)
    /// One whole network over some classes of a trial's rows.
    case network(TrialKey, arm: StudyArm, classes: [Int])

    /// The trial it belongs to.
    package var key: TrialKey {
        switch self {
        case .trial(let key, _, _), .network(let key, _, _): key
        }
    }

    /// Where its outcome is kept: one line of text, the same in every version.
    package var description: String {
        switch self {
        case .trial(let key, let arms, let isControlled):
            "\(key) backbone \((arms.map(\.rawValue) + (isControlled ? ["control"] : [])).joined(separator: ","))"
        case .network(let key, let arm, let classes):
            "\(key) \(arm.rawValue) \(classes.map(String.init).joined(separator: ","))"
        }
    }
}
