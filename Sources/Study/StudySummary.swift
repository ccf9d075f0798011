package import Decoding
import Heads
import Numerics
package import Statistics

/// Summarises everything that was computed for one data set of a study.
package struct StudySummary: Sendable {
    /// The predictions and scores of one scheme on heads of one arm in one trial.
    private struct Sample {
        let trial: Int
        let outcome: SchemeOutcome
        /// SHA-256 of what was trained.
        let digest: String
        /// Nil for the backbone's own outputs.
        var heads: ArmOutcome?
    }

    /// A cell's place.
    private struct Place: Hashable {
        let fraction: Int
        let arm: CellArm
        let scheme: Scheme
    }

    private let grid: StudyGrid
    private let settings: StudySettings
    private let labels: [Int]
    private let classCount: Int
    private var samples: [Place: [Sample]] = [:]
    /// By trial; the place is that of tree elimination.
    private var policies: [Place: [[PolicyOutcome]]] = [:]

    /// A summary of nothing yet.
    ///
    /// - Parameter labels: of the test rows.
    package init(grid: StudyGrid, settings: StudySettings, labels: [Int], classCount: Int) {
        self.grid = grid
        self.settings = settings
        self.labels = labels
        self.classCount = classCount
    }

    /// Adds a trial's outcome; outcomes of one trial may come in parts, each arm once.
    package mutating func add(_ outcome: TrialOutcome, of key: TrialKey) {
        for scheme in outcome.backbone {
            let place = Place(
                fraction: key.fractionMillionths, arm: .backbone, scheme: scheme.scheme)
            // Every part of a trial trains the same backbone.
            guard samples[place]?.contains(where: { $0.trial == key.trial }) != true else {
                continue
            }
            samples[place, default: []].append(
                Sample(trial: key.trial, outcome: scheme, digest: outcome.featureDigest))
        }
        for arm in outcome.arms { add(arm, of: key) }
    }

    /// Adds the heads of one arm of a trial.
    package mutating func add(_ arm: ArmOutcome, of key: TrialKey) {
        for scheme in arm.schemes {
            let place = Place(
                fraction: key.fractionMillionths, arm: .heads(arm.arm), scheme: scheme.scheme)
            samples[place, default: []].append(
                Sample(
                    trial: key.trial, outcome: scheme, digest: arm.headDigest, heads: arm))
        }
        let tree = Place(
            fraction: key.fractionMillionths, arm: .heads(arm.arm), scheme: .treeElimination)
        policies[tree, default: []].append(arm.policies)
    }

    /// The whole networks of one arm of a trial as an arm's outcome, once all are there.
    ///
    /// - Parameters:
    ///   - networks: by classes.
    ///   - featureCount: inputs of a network's last layer.
    ///   - flopsPerImage: operations of a whole network for one row, but for its last layer: what
    ///     asking a head costs here.
    ///   - digest: of arrays of numbers, one after the other.
    /// - Returns: nil while one is missing, or does not fit the test rows.
    /// - Throws: `DecodingError` for logits that are not finite.
    package func arm(
        _ arm: StudyArm, networks: [[Int]: NetworkOutcome], featureCount: Int,
        flopsPerImage: Double,
        digest: ([[Float]]) -> String
    ) throws(DecodingError) -> ArmOutcome? {
        let plan = HeadPlan(.subsets, classCount: classCount)
        var logits: [(key: HeadKey, values: Matrix)] = []
        for spec in plan.heads {
            let members = spec.classes.members
            guard let network = networks[members],
                network.logits.count == labels.count * members.count
            else { return nil }
            logits.append(
                (
                    spec,
                    Matrix(
                        rowCount: labels.count, columnCount: members.count, values: network.logits)
                ))
        }
        let heads = try StoredLogits(logits)
        let scoring = SchemeScoring(labels: labels, classCount: classCount)
        let policies = try scoring.frontier(heads, featureCount: featureCount)
        return ArmOutcome(
            arm: arm, schemes: try scoring.outcomes(heads),
            policies: policies.map { policy in
                var policy = policy
                policy.flopsPerRow += policy.headsPerRow * flopsPerImage
                return policy
            },
            headDigest: digest(logits.map(\.values.values)), headCount: logits.count)
    }

    // MARK: - The report

    /// The cells in the order of the page, comparisons without Holm's correction, and the
    /// frontier.
    ///
    /// - Throws: ``StatisticsError`` never, for outcomes that fit the test rows.
    package func dataset(
        name: String, classNames: [String], trainRowCount: Int, sha256: String
    ) throws(StatisticsError) -> StudyDataset {
        var cells: [StudyCell] = []
        var comparisons: [StudyComparison] = []
        var frontier: [StudyFrontierPoint] = []
        for fraction in grid.fractionsMillionths {
            for place in places(fraction) {
                guard let found = samples[place] else { continue }
                cells.append(try cell(place, found))
                for control in controls(of: place) {
                    if let comparison = try comparison(place, found, with: control) {
                        comparisons.append(comparison)
                    }
                }
            }
            for arm in grid.arms { frontier += points(fraction, .heads(arm)) }
        }
        return StudyDataset(
            name: name, classNames: classNames, trainRowCount: trainRowCount,
            testRowCount: labels.count, sha256: sha256, cells: cells, comparisons: comparisons,
            frontier: frontier)
    }

    private func places(_ fraction: Int) -> [Place] {
        let backbone = Scheme.allCases.filter(\.asksBackbone).map {
            Place(fraction: fraction, arm: .backbone, scheme: $0)
        }
        return backbone
            + grid.arms.flatMap { arm in
                Scheme.overHeads(classCount: classCount).map {
                    Place(fraction: fraction, arm: .heads(arm), scheme: $0)
                }
            }
    }

    /// One-vs-all and its controls: what a scheme is compared with.
    private func controls(of place: Place) -> [Place] {
        var controls: [Place] = []
        for scheme in [Scheme.oneVsAll, .oneVsAllEqualSteps] where scheme != place.scheme {
            if place.scheme == .oneVsAll { continue }
            controls.append(
                Place(fraction: place.fraction, arm: .backbone, scheme: scheme))
        }
        if !place.scheme.asksBackbone, place.scheme != .oneVsAllRefit {
            controls.append(
                Place(fraction: place.fraction, arm: place.arm, scheme: .oneVsAllRefit))
        }
        return controls
    }

    private func cell(_ place: Place, _ found: [Sample]) throws(StatisticsError) -> StudyCell {
        let found = found.sorted { $0.trial < $1.trial }
        let outcomes = found.map(\.outcome)
        var cell = StudyCell(
            fraction: Double(place.fraction) / 1_000_000, arm: place.arm,
            scheme: place.scheme)
        cell.accuracies = outcomes.map { accuracy($0) }
        let summary = try Summary(cell.accuracies)
        cell.meanAccuracy = summary.mean
        cell.standardDeviation = summary.standardDeviation
        cell.interval = try LogitInterval(cell.accuracies, rowCount: max(1, labels.count))
            .map { [$0.lower, $0.upper] }
        cell.balancedAccuracies = outcomes.map(balancedAccuracy)
        cell.balancedAccuracyDeviation = try Summary(cell.balancedAccuracies).standardDeviation
        cell.negativeLogLikelihoods = outcomes.map(\.negativeLogLikelihood)
        cell.brierScores = outcomes.map(\.brierScore)
        cell.expectedCalibrationErrors = outcomes.map(\.expectedCalibrationError)
        cell.headDigests = found.map(\.digest)
        cell.trials = found.map(\.trial)
        let heads = found.compactMap(\.heads)
        if heads.contains(where: { $0.certifiedCount != nil }) {
            cell.headCount = heads.reduce(0) { $0 + $1.headCount }
            cell.certifiedCount = heads.reduce(0) { $0 + ($1.certifiedCount ?? 0) }
        }
        cell.l2 = heads.compactMap(\.l2)
        cell.negativeLogLikelihood = try Summary(cell.negativeLogLikelihoods).mean
        cell.brierScore = try Summary(cell.brierScores).mean
        cell.expectedCalibrationError = try Summary(cell.expectedCalibrationErrors).mean
        cell.confusion = [Int](repeating: 0, count: classCount * classCount)
        for outcome in outcomes {
            for (label, prediction) in zip(labels, outcome.predictions) {
                cell.confusion[label * classCount + prediction] += 1
            }
        }
        cell.calibration = Self.merged(outcomes.map(\.calibration))
        return cell
    }

    private func accuracy(_ outcome: SchemeOutcome) -> Double {
        Double(outcome.correctCount) / Double(max(1, labels.count))
    }

    /// The mean of the shares predicted right of each class that has test rows.
    private func balancedAccuracy(_ outcome: SchemeOutcome) -> Double {
        let shares = Evaluation.recalls(
            predictions: outcome.predictions, labels: labels, classCount: classCount
        ).compactMap(\.self)
        return shares.reduce(0, +) / Double(max(1, shares.count))
    }

    private static func merged(_ parts: [[CalibrationBin]]) -> [CalibrationBin] {
        guard let first = parts.first else { return [] }
        return first.indices.map { index in
            let bins = parts.map { $0[index] }
            let count = bins.reduce(0) { $0 + $1.count }
            func mean(_ value: (CalibrationBin) -> Double) -> Double {
                bins.reduce(0) { $0 + value($1) * Double($1.count) } / Double(max(1, count))
            }
            return CalibrationBin(
                count: count, meanConfidence: mean(\.meanConfidence), accuracy: mean(\.accuracy))
        }
    }

    private func comparison(
        _ place: Place, _ found: [Sample], with control: Place
    ) throws(StatisticsError) -> StudyComparison? {
        var others: [Int: SchemeOutcome] = [:]
        for sample in samples[control] ?? [] { others[sample.trial] = sample.outcome }
        let pairs = found.sorted { $0.trial < $1.trial }.compactMap { sample in
            others[sample.trial].map { (sample.outcome, $0) }
        }
        guard !pairs.isEmpty else { return nil }
        var comparison = StudyComparison(
            fraction: Double(place.fraction) / 1_000_000, arm: place.arm,
            scheme: place.scheme, againstArm: control.arm,
            against: control.scheme)
        comparison.trialCount = pairs.count
        // In rows, which are whole numbers: rounding must not make a difference.
        let rows = pairs.map { Double($0.correctCount - $1.correctCount) }
        let scale = Double(max(1, labels.count))
        comparison.meanDifference = try Summary(rows).mean / scale
        if pairs.count >= 2 {
            let paired = try PairedComparison(differences: rows)
            // Trials that agree in whole rows may differ by less than half a row.
            let halfRow = 0.5
            comparison.interval = try paired.summary.interval(standardDeviationMin: halfRow).map {
                [max(-1, $0.lowerBound / scale), min(1, $0.upperBound / scale)]
            }
            comparison.differenceDeviation =
                max(paired.summary.standardDeviation ?? 0, halfRow) / scale
            comparison.equivalencePValue = try paired.equivalencePValue(
                margin: StudyVerdict.margin * scale, standardDeviationMin: halfRow)
            comparison.tTestPValue = try? paired.tTestPValue()
            comparison.wilcoxonPValue = try? WilcoxonTest(differences: rows).pValue
            comparison.cohensD = try? paired.cohensD()
        }
        for (first, second) in pairs {
            let test = try McNemarTest(
                first: first.predictions, second: second.predictions, labels: labels)
            comparison.mcNemarPValues.append(test.pValue)
        }
        return comparison
    }

    private func points(_ fraction: Int, _ arm: CellArm) -> [StudyFrontierPoint] {
        let tree = Place(fraction: fraction, arm: arm, scheme: .treeElimination)
        guard let trials = policies[tree], let first = trials.first else { return [] }
        let count = Double(trials.count)
        return first.indices.map { index in
            func mean(_ value: (PolicyOutcome) -> Double) -> Double {
                trials.reduce(0) { $0 + value($1[index]) } / count
            }
            return StudyFrontierPoint(
                fraction: Double(fraction) / 1_000_000, arm: arm,
                outcome: PolicyOutcome(
                    policy: first[index].policy, accuracy: mean(\.accuracy),
                    headsPerRow: mean(\.headsPerRow), flopsPerRow: mean(\.flopsPerRow),
                    topNeverChangedShare: mean(\.topNeverChangedShare)))
        }
    }
}
