import Display
import Numerics

/// How numbers become places on an axis, and where its ticks are.
struct ChartScale {
    private enum Kind {
        case linear
        case logarithmic
        /// The root of the distance from zero, on both sides of it.
        case signedRoot
        /// Of powers of ten.
        case powers
        /// Of percentages: as much room from 90 to 99 as from 99 to 99.9.
        case logit
    }

    private let kind: Kind
    /// The numbers at both ends, `low` below `high`.
    let low: Double
    let high: Double
    /// Round numbers from `low` to `high`, ascending.
    let ticks: [Double]

    var isLogit: Bool { kind == .logit }

    /// Evenly spaced, with ticks at 1, 2 or 5 times a power of ten; not beyond the limits.
    static func linear(
        covering values: [Double], within limits: ClosedRange<Double> = -1e12...1e12,
        tickCount: Int = 5
    ) -> ChartScale {
        let values = values.filter(\.isFinite)
        var low = max(limits.lowerBound, values.min() ?? 0)
        var high = min(limits.upperBound, values.max() ?? 1)
        if high - low < 1e-9 * max(1, abs(high)) {
            let margin = max(0.5, abs(high) * 0.01)
            (low, high) = (
                max(limits.lowerBound, low - margin), min(limits.upperBound, high + margin)
            )
        }
        guard high > low else { return linear(covering: [limits.lowerBound, limits.upperBound]) }
        let step = roundStep(atLeast: (high - low) / Double(tickCount))
        let first = (low / step + 1e-9).rounded(.down)
        let last = (high / step - 1e-9).rounded(.up)
        let ticks = (0...Int(last - first)).map { (first + Double($0)) * step }
            .filter { limits.contains($0) }
        return ChartScale(
            kind: .linear, low: max(limits.lowerBound, first * step),
            high: min(limits.upperBound, last * step), ticks: ticks)
    }

    /// Of positive numbers, with ticks at 1, 2 and 5 times the powers of ten.
    static func logarithmic(covering values: [Double]) -> ChartScale {
        let values = values.filter { $0.isFinite && $0 > 0 }
        let least = values.min() ?? 1
        let most = values.max() ?? 10
        let exponents = decimalExponent(least) - 1...decimalExponent(most) + 2
        let round = exponents.flatMap { exponent in
            [1.0, 2, 5].map { $0 * powerOfTen(exponent) }
        }
        return between(round, least, most, .logarithmic)
    }

    /// Of positive numbers of any size, with ticks at powers of ten alone, as many as fit; whole powers
    /// of ten around the numbers, and a little room beyond.
    static func powersOfTen(covering values: [Double], tickCount: Int = 8) -> ChartScale {
        // Beyond, powers and their inverses would leave the numbers that there are.
        let values = values.filter { $0.isFinite && $0 > 0 }.map { min(max($0, 1e-250), 1e250) }
        var low = decimalExponent(values.min() ?? 1)
        var high = -decimalExponent(1 / (values.max() ?? 1))
        if low == high { (low, high) = (low - 1, high + 1) }
        let step = max(1, (high - low + tickCount - 1) / tickCount)
        // One is a tick wherever it is in sight.
        let ticks = (low...high).filter { $0 % step == 0 }.map(powerOfTen)
        let rim = Double.reproducibleExponential(0.02 * Double(high - low) * 2.302_585_092_994_046)
        return ChartScale(
            kind: .powers, low: powerOfTen(low) / rim, high: powerOfTen(high) * rim, ticks: ticks)
    }

    /// Of differences, zero among them: more room for small ones, on both sides of zero.
    static func differences(covering values: [Double]) -> ChartScale {
        let values = values.filter(\.isFinite) + [0]
        let sizes = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100]
        let round = sizes.reversed().map { -$0 } + [0] + sizes
        let least = values.min() ?? 0
        let most = values.max() ?? 0
        // A little room on the empty side, too.
        let small = max(most, -least, 0.1) / 50
        return between(round, min(least, -small), max(most, small), .signedRoot)
    }

    /// Of accuracies in percent: linear, or logit where some are too near 100 to be distinguished.
    /// - Parameter isLogit: whether it is logit however far all are from 100.
    static func accuracies(covering values: [Double], isLogit: Bool = false) -> ChartScale {
        let values = values.filter(\.isFinite)
        guard let least = values.min(), let most = values.max(), isLogit || most > 95,
            most - least > 3
        else {
            return linear(covering: values, within: 0...100)
        }
        let round: [Double] =
            [1, 2, 5] + (1...9).map { 10 * Double($0) }
            + [95, 98, 99, 99.5, 99.8, 99.9, 99.95, 99.98, 99.99]
        return between(round, max(1, least), min(99.99, most), .logit)
    }

    /// Where a number lies, from 0 at the low end to 1 at the high one; outside, the nearer end.
    func share(_ value: Double) -> Double {
        let value = min(max(value, low), high)
        let bottom = linearised(low)
        return (linearised(value) - bottom) / (linearised(high) - bottom)
    }

    /// A tick's label: no more decimals than its axis needs.
    func label(_ tick: Double) -> String {
        switch kind {
        case .linear:
            let step = ticks.count > 1 ? ticks[1] - ticks[0] : abs(tick)
            let places = step > 0 ? max(0, min(6, -Self.decimalExponent(step))) : 0
            return StudyFormat.number(tick, places: places)
        case .logit: return Self.trimmed(tick)
        case .signedRoot:
            return (tick < 0 ? StudyFormat.minus : tick > 0 ? "+" : "") + Self.trimmed(abs(tick))
        case .logarithmic: return Self.short(tick)
        case .powers: return Format.significant(tick, digits: 1)
        }
    }

    /// A positive number with its thousands as a letter: `500`, `2k`, `1.5M`.
    static func short(_ value: Double) -> String {
        let units: [(Double, String)] = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")]
        guard let (unit, letter) = units.first(where: { value >= $0.0 * 0.9995 }) else {
            return trimmed(value)
        }
        return trimmed(value / unit) + letter
    }

    private static func trimmed(_ value: Double) -> String {
        Format.trimmed(value, places: value < 1 ? 4 : 2)
    }

    private static func between(
        _ round: [Double], _ least: Double, _ most: Double, _ kind: Kind
    ) -> ChartScale {
        var low = round.lastIndex { $0 <= least * (1 + 1e-9) } ?? 0
        var high = round.firstIndex { $0 >= most * (1 - 1e-9) } ?? round.count - 1
        if low >= high { (low, high) = (max(0, high - 1), min(round.count - 1, high + 1)) }
        let whole = ChartScale(kind: kind, low: round[low], high: round[high], ticks: [])
        // Ticks too near each other for their labels are left out, never the ends and never zero.
        // Up the chart, labels need their height; along it, their width.
        let gap = kind == .logit ? 0.085 : 0.15
        var ticks = [round[low], round[high]]
        if low < high, round[low] < 0, round[high] > 0 { ticks.append(0) }
        for tick in round[low...high].sorted(by: { abs($0) > abs($1) })
        where ticks.allSatisfy({ abs(whole.share(tick) - whole.share($0)) > gap }) {
            ticks.append(tick)
        }
        return ChartScale(kind: kind, low: whole.low, high: whole.high, ticks: ticks.sorted())
    }

    /// The whole part of the decimal logarithm of a positive number.
    private static func decimalExponent(_ value: Double) -> Int {
        // The addend undoes rounding at powers of ten.
        Int((.reproducibleLogarithm(value) * 0.434_294_481_903_251_8 + 1e-9).rounded(.down))
    }

    private static func powerOfTen(_ exponent: Int) -> Double {
        let power = (0..<abs(exponent)).reduce(1.0) { power, _ in power * 10 }
        return exponent < 0 ? 1 / power : power
    }

    private static func roundStep(atLeast step: Double) -> Double {
        let power = powerOfTen(decimalExponent(step))
        return ([1, 2, 5].first { $0 * power >= step * (1 - 1e-9) } ?? 10) * power
    }

    private func linearised(_ value: Double) -> Double {
        switch kind {
        case .linear: value
        case .logarithmic, .powers: .reproducibleLogarithm(value)
        case .signedRoot: value < 0 ? -(-value).squareRoot() : value.squareRoot()
        case .logit: .reproducibleLogarithm(value / (100 - value))
        }
    }
}
