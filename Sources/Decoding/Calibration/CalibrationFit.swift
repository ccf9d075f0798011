package import Heads
import Numerics

/// A calibration in the making: takes validation rows in blocks, then finds the temperature.
///
/// It keeps the scores of at most ``valueCountMax`` rows times classes. Of more rows it takes every
/// nth, counted within each class after the other, so that each class keeps its share of the rows and
/// the choice depends on the labels alone. All classes are kept of a row that is taken.
package struct CalibrationFit: Sendable {
    /// The most scores kept: 16 MiB, which are 14,000 rows of 150 classes.
    package static let valueCountMax = 1 << 21
    /// Temperatures go from 10^-3 to 10^3.
    private static let decadeCount = 3
    /// What a row's loss is at most, as in ``ProbabilityMetrics``.
    private static let lossMax = -Double.reproducibleLogarithm(ProbabilityMetrics.probabilityFloor)

    private let score: ClassScore
    private let classes: [Int]
    /// By validation row: its place among the rows taken; -1 for one that is not.
    private var places: [Int]
    /// By row taken, in the order of the rows: the position of its class.
    private var truths: [Int]
    /// `[row taken, class]`: scores less the row's greatest.
    private var scores: [Double]
    private var isFilled: [Bool]

    /// Room for validation rows.
    ///
    /// - Parameters:
    ///   - scheme: whose probabilities will be given.
    ///   - classes: the classes that it knows.
    ///   - labels: the class of each validation row; rows of other classes are not used.
    ///   - valueCountMax: the most scores kept, at least one row's.
    package init(
        of scheme: Scheme, classes: ClassSet, labels: [Int],
        valueCountMax: Int = CalibrationFit.valueCountMax
    ) {
        let members = classes.members
        var rowsByPosition = [[Int]](repeating: [], count: members.count)
        var positions: [Int: Int] = [:]
        for (position, member) in members.enumerated() { positions[member] = position }
        for (row, label) in labels.enumerated() {
            if let position = positions[label] { rowsByPosition[position].append(row) }
        }
        let known = rowsByPosition.reduce(0) { $0 + $1.count }
        let most = max(1, valueCountMax / members.count)
        let step = max(1, (known + most - 1) / most)
        var taken: [(row: Int, truth: Int)] = []
        var index = 0
        for (position, rows) in rowsByPosition.enumerated() {
            for row in rows {
                if index % step == 0 { taken.append((row, position)) }
                index += 1
            }
        }
        taken.sort { $0.row < $1.row }
        score = ClassScore(scheme, classCount: members.count)
        self.classes = members
        places = [Int](repeating: -1, count: labels.count)
        for (place, row) in taken.enumerated() { places[row.row] = place }
        truths = taken.map(\.truth)
        scores = [Double](repeating: 0, count: taken.count * members.count)
        isFilled = [Bool](repeating: false, count: taken.count)
    }

    /// Takes in the probabilities of a range of the validation rows, in any order of the ranges.
    ///
    /// Traps unless they are of that many rows, which exist, and of the classes given.
    package mutating func add(_ probabilities: ClassProbabilities, rows range: Range<Int>) {
        precondition(probabilities.rowCount == range.count)
        precondition(probabilities.classes == classes)
        for (index, row) in range.enumerated() {
            let place = places[row]
            guard place >= 0 else { continue }
            let values = probabilities.row(index)
            let greatest = score(values.max() ?? 1)
            for (position, probability) in values.enumerated() {
                scores[place * classes.count + position] = score(probability) - greatest
            }
            isFilled[place] = true
        }
    }

    /// The calibration that fits the rows best; nil without a row of a known class.
    ///
    /// The temperature has the least mean `-ln p(label)`, each `p` at least
    /// ``ProbabilityMetrics/probabilityFloor``. Without that floor it would be convex in
    /// `1/temperature`: the least of thirteen temperatures is found first, and between its two neighbours
    /// the zero of the derivative by Newton steps, which bisection replaces where they leave it.
    ///
    /// Where all rows are right, no temperature would be low enough. Then one more row counts, which is
    /// like the one of middling lead but whose label is its second class: a rule of succession, by which
    /// such a row's probability is about `1 - 1/n` after n of them.
    ///
    /// Traps unless all rows were added.
    package var calibration: Calibration? {
        guard !truths.isEmpty else { return nil }
        precondition(isFilled.allSatisfy(\.self))
        let exponents = (-2 * Self.decadeCount...2 * Self.decadeCount).map {
            // Of the exponent 0 it is exactly 1.
            Double.reproducibleExponential(Double($0) / 2 * Double.reproducibleLogarithm(10))
        }
        let fit = withDoubt
        let losses = exponents.map { fit.loss(at: $0).value }
        let least = exponents.indices.reduce(0) { losses[$1] < losses[$0] ? $1 : $0 }
        var best = (exponent: exponents[least], loss: losses[least])
        let found = fit.zero(
            from: exponents[max(0, least - 1)],
            to: exponents[min(exponents.count - 1, least + 1)], start: best.exponent)
        let foundLoss = fit.loss(at: found).value
        if foundLoss < best.loss { best = (found, foundLoss) }
        let temperature = 1 / best.exponent
        // Inverted as when it is applied, so that the quantiles are to the bit what rows will have.
        return Calibration(
            temperature: temperature, confidenceQuantiles: quantiles(at: 1 / temperature))
    }

    /// These rows, and where all of them are right one that is not.
    private var withDoubt: CalibrationFit {
        let count = classes.count
        guard truths.indices.allSatisfy({ scores[$0 * count + truths[$0]] == 0 }) else {
            return self
        }
        let seconds = truths.indices.compactMap {
            row -> (score: Double, row: Int, position: Int)? in
            let others = classes.indices.filter { $0 != truths[row] }
                .map { (score: scores[row * count + $0], row: row, position: $0) }
            return others.filter { $0.score > -.infinity }.max { $0.score < $1.score }
        }
        guard !seconds.isEmpty else { return self }
        let middle = seconds.sorted { ($0.score, $0.row) < ($1.score, $1.row) }[seconds.count / 2]
        var fit = self
        fit.truths.append(middle.position)
        fit.scores += scores[middle.row * count..<(middle.row + 1) * count]
        return fit
    }

    /// Where the derivative of the loss by the exponent is zero between two exponents.
    private func zero(from low: Double, to high: Double, start: Double) -> Double {
        var (low, high, exponent) = (low, high, start)
        for _ in 0..<60 {
            let here = loss(at: exponent)
            if here.slope > 0 { high = exponent } else { low = exponent }
            var next = exponent - here.slope / here.curvature
            if !(next > low && next < high) { next = low + (high - low) / 2 }
            let isFound = abs(next - exponent) <= 1e-12 * exponent
            exponent = next
            if isFound { break }
        }
        return exponent
    }

    /// The summed loss of the rows where scores are multiplied by an exponent, and its first and second
    /// derivative by it.
    private func loss(at exponent: Double) -> (value: Double, slope: Double, curvature: Double) {
        var result = (value: 0.0, slope: 0.0, curvature: 0.0)
        for (row, truth) in truths.enumerated() {
            let start = row * classes.count
            let own = scores[start + truth]
            var (sum, first, second) = (0.0, 0.0, 0.0)
            // A class of no probability has nothing to add, not minus infinity times nothing.
            forEachPower(ofRow: row, exponent) { score, power in
                sum += power
                first += power * score
                second += power * score * score
            }
            let mean = first / sum
            let loss = Double.reproducibleLogarithm(sum) - exponent * own
            // At the floor nothing changes any more.
            guard loss < Self.lossMax else {
                result.value += Self.lossMax
                continue
            }
            result.value += loss
            result.slope += mean - own
            result.curvature += second / sum - mean * mean
        }
        return result
    }

    /// Calls `body` with each score of a row and `e^(exponent * score)`, where that is not negligible.
    @inline(__always)
    private func forEachPower(
        ofRow row: Int, _ exponent: Double, _ body: (_ score: Double, _ power: Double) -> Void
    ) {
        for score in scores[row * classes.count..<(row + 1) * classes.count] {
            // Beside the greatest, which is 1; it saves most exponentials of many classes.
            let scaled = exponent * score
            if scaled > -60 { body(score, Double.reproducibleExponential(scaled)) }
        }
    }

    /// The greatest probability of each row at equal shares of the rows.
    ///
    /// Each is a row's own and none is between two, so that no more rows than the share are below.
    private func quantiles(at exponent: Double) -> [Double] {
        var confidences = truths.indices.map { row in
            var sum = 0.0
            for score in scores[row * classes.count..<(row + 1) * classes.count] {
                sum += Double.reproducibleExponential(exponent * score)
            }
            return 1 / sum
        }
        confidences.sort()
        let last = confidences.count - 1
        return (0...Calibration.quantileStepCount).map {
            confidences[$0 * last / Calibration.quantileStepCount]
        }
    }
}

extension Calibration {
    /// The calibration that fits validation rows best; nil without a row of a known class.
    ///
    /// For rows in blocks, and for what is computed: ``CalibrationFit``.
    ///
    /// - Parameters:
    ///   - probabilities: a scheme's own, not yet calibrated.
    ///   - labels: a class a row; traps on another number of them.
    package static func fit(
        _ probabilities: ClassProbabilities, of scheme: Scheme, labels: [Int]
    ) -> Calibration? {
        precondition(labels.count == probabilities.rowCount)
        var fit = CalibrationFit(
            of: scheme, classes: ClassSet(probabilities.classes), labels: labels)
        fit.add(probabilities, rows: 0..<labels.count)
        return fit.calibration
    }
}
