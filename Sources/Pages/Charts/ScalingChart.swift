import Display
import Numerics

/// The picture of `coordinator simulate`: speedup against worker count on logarithmic axes, and
/// below it where the workers' time goes, as SVG.
///
/// One file, no network, light and dark.
package struct ScalingChart: Sendable {
    /// One number of workers.
    package struct Point: Sendable {
        /// Worker processes, at least one.
        package var workerCount: Int
        /// Times as fast as one worker.
        package var speedup: Double
        /// Shares of the workers' time by use, in the order of the chart's uses.
        package var shares: [Double]

        /// A point of these figures.
        package init(workerCount: Int, speedup: Double, shares: [Double]) {
            self.workerCount = workerCount
            self.speedup = speedup
            self.shares = shares
        }
    }

    /// Ascending by workers, at least one.
    package var points: [Point]
    /// Names of what time goes to, the wanted use first; at most ten.
    package var uses: [String]
    /// What was simulated, below the title.
    package var subtitle: String

    /// A chart of these points.
    ///
    /// Traps without a point, with more than ten uses, or with shares that are not one per use.
    package init(points: [Point], uses: [String], subtitle: String) {
        precondition(!points.isEmpty)
        precondition(uses.count <= Self.colours.count)
        precondition(points.allSatisfy { $0.shares.count == uses.count && $0.workerCount >= 1 })
        self.points = points
        self.uses = uses
        self.subtitle = subtitle
    }

    private static let left = 52.0
    private static let right = 466.0
    private static let curveHeight = 300.0
    private static let barHeight = 120.0
    /// Of neighbouring texts on one line.
    private static let textGap = 42.0
    private static let colours = [
        "#2f78b7", "#8fbfe6", "#5b6b7a", "#e07b28", "#c23b3b", "#8a56c2", "#3f9a55", "#b5b5b5",
        "#a0784a", "#6e1f2b",
    ]

    /// Powers of two between which both axes run.
    private var lowExponent: Int {
        let least = points.map(\.speedup).filter { $0 > 0 }.min() ?? 1
        return max(-10, min(0, Int(log2(least).rounded(.down))))
    }
    private var highExponent: Int {
        max(1, Int(log2(Double(points.map(\.workerCount).max() ?? 1)).rounded(.up)))
    }

    /// The binary logarithm; for what has none, that of the least speedup shown.
    private func log2(_ value: Double) -> Double {
        guard value > 0, value.isFinite else { return -10 }
        // Exact for powers of two, which are the ticks.
        return Double(value.exponent)
            + .reproducibleLogarithm(value.significand) * 1.442_695_040_888_963_4
    }

    /// The parts of the picture below each other.
    private struct Frame {
        /// Of the curve.
        let top: Double
        var bottom: Double { top + ScalingChart.curveHeight }
        var barTop: Double { bottom + 94 }
        var barBottom: Double { barTop + ScalingChart.barHeight }
    }

    private func x(_ workers: Double) -> Double {
        Self.left + 18 + log2(workers) / Double(highExponent) * (Self.right - Self.left - 36)
    }

    private func y(_ speedup: Double, _ frame: Frame) -> Double {
        let low = Double(lowExponent)
        let place = (max(low, log2(speedup)) - low) / (Double(highExponent) - low)
        return frame.bottom - place * (frame.bottom - frame.top)
    }

    /// The whole SVG document.
    package func rendered() -> String {
        var texts = ChartTexts()
        let frame = Frame(
            top: heading("Simulated speedup against workers", subtitle, in: &texts) + 6)
        let lines = axes(frame, &texts) + curve(frame) + bars(frame, &texts)
        let (signs, bottom) = legend(items, from: frame.barBottom + 62, in: &texts)
        return document(
            height: bottom, rules: Self.rules, darkRules: Self.darkRules,
            lines + signs + texts.lines)
    }

    private static let rules = """
        .goal { stroke: #3f9a55; stroke-dasharray: 2 4; fill: none }
        .curve { stroke: #1666b0; stroke-width: 2; fill: none } .point { fill: #1666b0 }
        """
    private static let darkRules = ".curve { stroke: #6db4f5 } .point { fill: #6db4f5 }"

    /// The powers of two that an axis names: not more than fit.
    private func ticks(_ low: Int, _ high: Int, most: Int) -> [Int] {
        let step = max(1, (high - low + most - 1) / most)
        return Array(stride(from: low, through: high, by: step))
    }

    private func name(ofPower exponent: Int) -> String {
        exponent >= 0 ? Format.count(1 << exponent) : "1/\(1 << -exponent)"
    }

    private func power(_ exponent: Int) -> Double {
        Double(sign: .plus, exponent: exponent, significand: 1)
    }

    private func axes(_ frame: Frame, _ texts: inout ChartTexts) -> [String] {
        var lines: [String] = []
        for exponent in ticks(lowExponent, highExponent, most: 12) {
            let place = y(power(exponent), frame)
            let kind = exponent == lowExponent ? "axis" : "grid"
            lines.append(line(Self.left, place, Self.right, place, kind))
            texts.add(
                name(ofPower: exponent), x: Self.left - 6, y: place + 4, "quiet", anchor: .end)
        }
        for exponent in ticks(0, highExponent, most: 8) {
            let place = x(power(exponent))
            lines.append(line(place, frame.bottom, place, frame.bottom + 5, "axis"))
            texts.add(
                name(ofPower: exponent), x: place, y: frame.bottom + 20, "quiet", anchor: .middle)
        }
        lines.append(line(Self.left, frame.top, Self.left, frame.bottom, "axis"))
        lines.append(
            sideTitle("speedup (times one worker)", around: (frame.top + frame.bottom) / 2))
        texts.add(
            "workers", x: (Self.left + Self.right) / 2, y: frame.bottom + 40, anchor: .middle)
        return lines
    }

    private func curve(_ frame: Frame) -> [String] {
        let most = power(highExponent)
        let places = points.map { (x(Double($0.workerCount)), y($0.speedup, frame)) }
        let path = places.map { "\(number($0.0)),\(number($0.1))" }.joined(separator: " ")
        return [
            line(x(1), y(1, frame), x(most), y(most, frame), "ideal"),
            line(x(1), y(0.9, frame), x(most), y(0.9 * most, frame), "goal"),
            "<polyline class=\"curve\" points=\"\(path)\"/>",
        ]
            + places.map {
                "<circle class=\"point\" cx=\"\(number($0.0))\" cy=\"\(number($0.1))\" r=\"4\"/>"
            }
    }

    /// Where the time goes, a bar per worker count; its efficiency above it where there is room.
    private func bars(_ frame: Frame, _ texts: inout ChartTexts) -> [String] {
        texts.add("0", x: Self.left - 6, y: frame.barBottom + 4, "quiet", anchor: .end)
        texts.add("100%", x: Self.left - 6, y: frame.barTop + 4, "quiet", anchor: .end)
        texts.add(
            "efficiency, and what the workers' time goes to", x: (Self.left + Self.right) / 2,
            y: frame.barTop - 26, anchor: .middle)
        texts.add(
            "workers", x: (Self.left + Self.right) / 2, y: frame.barBottom + 38, anchor: .middle)
        var lines = [line(Self.left, frame.barBottom, Self.right, frame.barBottom, "axis")]
        let places = points.map { x(Double($0.workerCount)) }
        let gap = zip(places, places.dropFirst()).map { $1 - $0 }.min() ?? Self.textGap
        let breadth = max(2, min(26, gap - 2))
        var labelled = -Double.infinity
        for (point, place) in zip(points, places) {
            var top = frame.barBottom
            for (use, share) in point.shares.enumerated() where share > 0 {
                let height = share * Self.barHeight
                top -= height
                lines.append(
                    "<rect x=\"\(number(place - breadth / 2))\" y=\"\(number(top))\" width=\"\(number(breadth))\" height=\"\(number(height))\" fill=\"\(Self.colours[use])\"/>"
                )
            }
            guard place - labelled >= Self.textGap else { continue }
            labelled = place
            let efficiency = Format.percent(
                point.speedup / Double(point.workerCount), places: 0)
            texts.add(efficiency, x: place, y: frame.barTop - 8, anchor: .middle)
            texts.add(
                Format.count(point.workerCount), x: place, y: frame.barBottom + 18, "quiet",
                anchor: .middle)
        }
        return lines
    }

    /// The lines and points of the curve, then the uses that take a thousandth anywhere.
    private var items: [(sign: String, name: String)] {
        let curve =
            line(2, 0, 28, 0, "curve") + "<circle class=\"point\" cx=\"15\" cy=\"0\" r=\"4\"/>"
        return [
            (curve, "simulated"), (line(2, 0, 28, 0, "ideal"), "ideal"),
            (line(2, 0, 28, 0, "goal"), "efficiency 0.9"),
        ]
            + uses.enumerated().compactMap { use, name in
                guard points.contains(where: { $0.shares[use] >= 0.0005 }) else { return nil }
                return (
                    "<rect x=\"9\" y=\"-6\" width=\"12\" height=\"12\" fill=\"\(Self.colours[use])\"/>",
                    name
                )
            }
    }
}

extension ScalingChart: SVGDrawing {}
