/// Whether a study with the post's settings replicates the post's gains.
///
/// Only what the post trained is compared: its two schemes with heads on frozen features (what it
/// says) or with whole nets from scratch (what its code does).
package struct PostReplication: Sendable {
    /// The post's gains of more than a point that were measured again and tested.
    package private(set) var repeated = 0
    /// Those that the trials show too.
    package private(set) var found = 0
    /// Those not shown whose 95% interval ends below the post's gain, its rounding allowed for.
    package private(set) var smaller = 0

    /// Two numbers of two digits each are together up to a point off.
    private static let rounding = 0.01

    /// The comparison of a study with the post; nil where the study is another job.
    package init?(_ settings: StudySettings?, _ outlines: [StudyOutline]) {
        guard settings?.isThePosts == true else { return nil }
        for outline in outlines {
            for claim in outline.fractions.flatMap({ StudyClaim.all(outline, at: $0) }) {
                guard claim.arm.isThePosts, claim.verdict != .untested,
                    let gain = PostNumbers.gain(
                        dataset: claim.dataset, fraction: claim.fraction, scheme: claim.scheme),
                    gain > Self.rounding + 1e-9,
                    let ends = StudyReport.ends(of: claim.overOneVsAll.interval)
                else { continue }
                repeated += 1
                if claim.verdict == .gain {
                    found += 1
                } else if ends.upper < gain - Self.rounding {
                    smaller += 1
                }
            }
        }
    }
}

extension CellArm {
    /// Whether the post trained heads in this way, as far as its text and its code say.
    package var isThePosts: Bool {
        switch self {
        case .backbone, .heads(.frozen), .heads(.scratch): true
        case .heads: false
        }
    }
}

extension StudySettings {
    /// What the post's code does.
    package static let post = StudySettings(scope: .post)

    /// Whether a study with these settings does the post's job.
    package var isThePosts: Bool { differences(from: .post).isEmpty }

    /// What makes this another job than with other settings, each as `backbone epochs 4 instead of 12`.
    ///
    /// Not the seed, and not the penalty of converged heads, which the post does not have.
    package func differences(from other: StudySettings) -> [String] {
        let rows = { (every: Int) in every == 1 ? "all" : "one in \(every)" }
        let values: [(name: String, own: String, other: String)] = [
            ("classes", classes, other.classes),
            ("rows", rows(every), rows(other.every)),
            ("backbone epochs", "\(epochCount)", "\(other.epochCount)"),
            ("head epochs", "\(headEpochCount)", "\(other.headEpochCount)"),
            ("batch size", "\(batchSize)", "\(other.batchSize)"),
            ("learning rate", "\(learningRate)", "\(other.learningRate)"),
            ("dropout", "\(headDropout)", "\(other.headDropout)"),
            ("class imbalance", "\(imbalance)", "\(other.imbalance)"),
            ("balance", balance.rawValue, other.balance.rawValue),
        ]
        return values.filter { $0.own != $0.other }
            .map { "\($0.name) \($0.own) instead of \($0.other)" }
    }
}
