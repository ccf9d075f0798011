import Decoding
import Study

/// Reports that look like those of a real study; the figures are made up from a seed.
struct SampleStudy {
    var datasets = ["mnist", "fashion-mnist", "cifar10"]
    var fractions = [0.01, 0.1, 0.25, 0.5, 1]
    var arms: [StudyArm] = [.frozen, .derived, .converged, .scratch]
    var trialCount = 10
    var classCount = 5
    /// What every scheme gains at the smallest fraction over every control; nil for a mixture.
    var gain: Double?
    /// As `--imbalance`.
    var imbalance = 1.0
    /// Of the accuracies, as a share of one at the smallest fraction.
    var spread = 0.008

    private var state: UInt64 = 20_200_301

    init() {}

    private mutating func uniform() -> Double {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Double(state >> 11) / 9_007_199_254_740_992
    }

    /// About normal, mean 0 and deviation 1.
    private mutating func normal() -> Double {
        (0..<12).reduce(-6) { sum, _ in sum + uniform() }
    }

    mutating func report() -> StudyReport {
        var report = StudyReport(
            command:
                "coordinator reproduce --datasets \(datasets.joined(separator: ",")) --protocol \(classCount == 5 ? "post" : "full") --trials \(trialCount)",
            protocolName: classCount == 5 ? "post" : "full",
            versions: [
                "manyheads": "0.5", "oneDNN": "2.6.3", "libzmq": "4.3.4", "Swift": "6.3",
                "cpu": "AMD EPYC 7B13 (AVX2, FMA)",
            ], datasets: [], timeline: [],
            missing: trialCount > 1
                ? ["cifar10 at 100%, scratch: 7 of 10 trials were not run."] : [])
        var settings = StudySettings(scope: classCount == 5 ? .post : .full)
        settings.imbalance = imbalance
        report.settings = settings
        for (index, name) in datasets.enumerated() {
            report.datasets.append(dataset(name, index: index))
        }
        correctByHolm(&report)
        report.timeline = timeline()
        return report
    }

    // MARK: - Cells

    private static let levels = [
        "mnist": [0.888, 0.961, 0.977, 0.984, 0.991],
        "fashion-mnist": [0.742, 0.843, 0.871, 0.889, 0.912],
        "cifar10": [0.308, 0.462, 0.531, 0.584, 0.642],
    ]
    /// Points a scheme gains over one-vs-all at the smallest fraction.
    private static let gains: [String: [Scheme: Double]] = [
        "frozen": [.oneVsAllRefit: -0.8, .softVote: -2.5, .treeElimination: -4.5],
        "derived": [.oneVsAllRefit: 0.6, .softVote: 0.4, .treeElimination: 0.3],
        "converged": [.oneVsAllRefit: 2.4, .softVote: 2.9, .treeElimination: 2.2],
        "scratch": [.oneVsAllRefit: 3.1, .softVote: 3.6, .treeElimination: 3.3],
    ]

    private func share(_ fraction: Double) -> Double { 0.012 / (fraction + 0.002) }

    private func points(_ arm: CellArm, _ scheme: Scheme) -> Double {
        if scheme == .oneVsAll { return 0 }
        if let gain { return gain }
        if scheme == .oneVsAllEqualSteps { return 2.1 }
        let gains = Self.gains[arm.key] ?? [:]
        return gains[scheme] ?? (gains[.softVote] ?? 0) - (scheme == .eliminationGraph ? 0.5 : 0.2)
    }

    private mutating func dataset(_ name: String, index: Int) -> StudyDataset {
        var dataset = StudyDataset(
            name: name, classNames: Array(Self.classNames(name).prefix(classCount)),
            trainRowCount: classCount == 5 ? 3_060 - 560 * index : 60_000, testRowCount: 5_139,
            sha256: String(repeating: "3fa94c0b71", count: 7).prefix(64).description, cells: [],
            comparisons: [], frontier: [])
        for (place, fraction) in fractions.enumerated() {
            let level = Self.levels[name]?[min(place, 4)] ?? 0.8
            let trials = (0..<trialCount).map { _ in
                normal() * spread * share(fraction).squareRoot()
            }
            dataset.cells += [Scheme.oneVsAll, .oneVsAllEqualSteps].map {
                cell(fraction, .backbone, $0, level: level, trials: trials)
            }
            for arm in arms {
                dataset.cells += Scheme.overHeads(classCount: classCount).map {
                    cell(fraction, .heads(arm), $0, level: level, trials: trials)
                }
                dataset.frontier += frontier(fraction, .heads(arm), level: level)
            }
        }
        dataset.rows = fractions.map { fraction in
            let first = Double(dataset.trainRowCount / classCount) * fraction
            let counts = (0..<classCount).map { label in
                max(1, Int(first / (1 + (imbalance - 1) * Double(label) / Double(classCount - 1))))
            }
            return StudyRows(fraction: fraction, rowCounts: counts, distinctRowCounts: counts)
        }
        dataset.comparisons = comparisons(dataset.cells)
        return dataset
    }

    private static func classNames(_ name: String) -> [String] {
        switch name {
        case "fashion-mnist":
            [
                "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt",
                "Sneaker", "Bag", "Ankle boot",
            ]
        case "cifar10":
            [
                "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship",
                "truck",
            ]
        default: (0..<10).map { "\($0)" }
        }
    }

    private mutating func cell(
        _ fraction: Double, _ arm: CellArm, _ scheme: Scheme, level: Double, trials: [Double]
    ) -> StudyCell {
        var cell = StudyCell(fraction: fraction, arm: arm, scheme: scheme)
        let gain = points(arm, scheme) / 100 * share(fraction)
        let noise = 0.2 * spread * share(fraction).squareRoot()
        cell.accuracies = trials.map { trial in
            let wanted = min(max(level + gain + trial + normal() * noise, 0.05), 0.9996)
            return (wanted * 5_139).rounded() / 5_139
        }
        let (mean, deviation) = Self.summary(cell.accuracies)
        cell.meanAccuracy = mean
        if trialCount > 1 {
            cell.standardDeviation = deviation
            let half = 2.262 * deviation / Double(trialCount).squareRoot()
            cell.interval = [max(0, mean - half), min(1, mean + half)]
        }
        cell.negativeLogLikelihoods = cell.accuracies.map { (1 - $0) * 3.1 }
        cell.brierScores = cell.accuracies.map { (1 - $0) * 1.4 }
        cell.expectedCalibrationErrors = cell.accuracies.map { (1 - $0) * 0.3 }
        cell.headDigests = cell.accuracies.map { _ in
            (0..<8).map { _ in String(Int(uniform() * 3e9) + 1_073_741_824, radix: 16) }.joined()
        }
        cell.negativeLogLikelihood = Self.summary(cell.negativeLogLikelihoods).mean
        cell.brierScore = Self.summary(cell.brierScores).mean
        cell.expectedCalibrationError = Self.summary(cell.expectedCalibrationErrors).mean
        cell.confusion = confusion(mean)
        cell.calibration = calibration(mean, bias: scheme == .softVote ? -0.12 : 0.05)
        return cell
    }

    private static func summary(_ values: [Double]) -> (mean: Double, deviation: Double) {
        let mean = values.reduce(0, +) / Double(values.count)
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (mean, (squares / Double(max(1, values.count - 1))).squareRoot())
    }

    private mutating func confusion(_ accuracy: Double) -> [Int] {
        var counts: [Int] = []
        let rows = Double(5_139 * trialCount / classCount)
        for label in 0..<classCount {
            let weights = (0..<classCount).map { $0 == label ? 0 : uniform() * uniform() }
            let sum = weights.reduce(0, +)
            for prediction in 0..<classCount {
                let share =
                    prediction == label ? accuracy : (1 - accuracy) * weights[prediction] / sum
                counts.append(Int((share * rows).rounded()))
            }
        }
        return counts
    }

    private mutating func calibration(_ accuracy: Double, bias: Double) -> [CalibrationBin] {
        (0..<15).map { bin in
            let confidence = (Double(bin) + 0.5) / 15
            guard confidence > 1 / Double(classCount) else {
                return CalibrationBin(count: 0, meanConfidence: 0, accuracy: 0)
            }
            let count = Int(Double(5_139 * trialCount) * accuracy * confidence * confidence / 6)
            let right = confidence - bias * (1 - confidence) * 3 + normal() * 0.015
            return CalibrationBin(
                count: count, meanConfidence: confidence, accuracy: min(max(right, 0), 1))
        }
    }

    private mutating func frontier(
        _ fraction: Double, _ arm: CellArm, level: Double
    ) -> [StudyFrontierPoint] {
        let most = Double(classCount)
        // Names, shares of the work and changes in accuracy.
        let policies: [(String, Double, Double)] = [
            ("drop 1", 1, 0), ("drop 2", 0.62, -0.02), ("drop 3", 0.55, -0.1),
            ("drop below 0.001", 0.72, 0), ("drop below 0.01", 0.7, -0.005),
            ("drop below 0.05", 0.62, -0.03), ("drop below 0.1", 0.52, -0.05),
            ("stop at margin 0.5", 0.45, -0.05), ("stop at margin 0.9", 0.55, -0.01),
            ("stop at margin 0.99", 0.57, 0),
        ]
        let top = level + points(arm, .treeElimination) / 100 * share(fraction)
        return policies.map { policy, share, change in
            StudyFrontierPoint(
                fraction: fraction, arm: arm,
                outcome: PolicyOutcome(
                    policy: policy,
                    accuracy: min(0.9999, top + change * 0.05 + normal() * 0.0004),
                    headsPerRow: max(1, (most - 1) * share),
                    flopsPerRow: 512 * most * most / 2 * share,
                    topNeverChangedShare: min(0.999, top + 0.06)))
        }
    }

    // MARK: - Comparisons

    private func comparisons(_ cells: [StudyCell]) -> [StudyComparison] {
        var found: [StudyComparison] = []
        for cell in cells where cell.scheme != .oneVsAll {
            for control in cells
            where control.fraction == cell.fraction && control.scheme != cell.scheme
                && [.oneVsAll, .oneVsAllEqualSteps, .oneVsAllRefit].contains(control.scheme)
                && [cell.arm, .backbone].contains(control.arm)
            {
                if cell.scheme == .oneVsAllEqualSteps && control.arm != .backbone { continue }
                found.append(compare(cell, control))
            }
        }
        return found
    }

    private func compare(_ cell: StudyCell, _ control: StudyCell) -> StudyComparison {
        var comparison = StudyComparison(
            fraction: cell.fraction, arm: cell.arm, scheme: cell.scheme, againstArm: control.arm,
            against: control.scheme)
        let differences = zip(cell.accuracies, control.accuracies).map { $0 - $1 }
        let (mean, deviation) = Self.summary(differences)
        comparison.trialCount = trialCount
        comparison.meanDifference = mean
        comparison.mcNemarPValues = differences.map { max(0.00001, 1 - abs($0) * 80) }
        guard trialCount > 1 else { return comparison }
        let half = 2.262 * deviation / Double(trialCount).squareRoot()
        comparison.interval = [mean - half, mean + half]
        guard deviation > 0 else { return comparison }
        let error = deviation / Double(trialCount).squareRoot()
        comparison.differenceDeviation = deviation
        comparison.detectableGain = 2.8 * deviation
        comparison.tTestPValue = Self.pValue(abs(mean) / error)
        let inside = (StudyVerdict.margin - abs(mean)) / error
        comparison.equivalencePValue = inside > 0 ? Self.pValue(inside) / 2 : 0.75
        comparison.wilcoxonPValue = max(0.001953125, comparison.tTestPValue ?? 1)
        comparison.cohensD = mean / deviation
        return comparison
    }

    /// About as a t test would give it.
    private static func pValue(_ statistic: Double) -> Double {
        if statistic > 8 { return 1e-7 / statistic }
        return 1 / (1 + statistic * statistic * statistic * statistic / 6)
    }

    private func correctByHolm(_ report: inout StudyReport) {
        let count = Double(report.datasets.reduce(0) { $0 + $1.comparisons.count })
        for dataset in report.datasets.indices {
            for index in report.datasets[dataset].comparisons.indices {
                var comparison = report.datasets[dataset].comparisons[index]
                comparison.tTestPValueHolm = comparison.tTestPValue.map { min(1, $0 * count) }
                comparison.wilcoxonPValueHolm = comparison.wilcoxonPValue.map { min(1, $0 * count) }
                comparison.equivalencePValueHolm = comparison.equivalencePValue.map {
                    min(1, $0 * count)
                }
                report.datasets[dataset].comparisons[index] = comparison
            }
        }
    }

    // MARK: - Time

    private mutating func timeline() -> [StudySpan] {
        var spans: [StudySpan] = []
        var free = [0.0, 0.0, 3.5]
        let kinds = ["backbone", "heads", "evaluate", "network"]
        for trial in 0..<(datasets.count * fractions.count * trialCount) {
            for (index, kind) in kinds.enumerated() {
                let worker = (trial + index) % free.count
                let seconds = (kind == "network" ? 9 : 1.5) * (0.3 + uniform())
                // In the middle of the study everything stood still over night.
                if trial == 60 && index == 0 { free = free.map { $0 + 40_000 } }
                spans.append(
                    StudySpan(
                        worker: ["lab-a/1", "lab-a/2", "lab-b/1"][worker],
                        work: "\(datasets[trial % datasets.count]) trial \(trial)", kind: kind,
                        start: free[worker], seconds: seconds))
                free[worker] += seconds + uniform() * 0.4
            }
        }
        return spans
    }
}
