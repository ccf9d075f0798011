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

    private static let left = 70.0
    private static let right = 690.0
    private static let curveTop = 74.0
    private static let curveBottom = 400.0
    private static let barTop = 470.0
    private static let barBottom = 620.0
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

    private func x(_ workers: Double) -> Double {
        Self.left + 24 + log2(workers) / Double(highExponent) * (Self.right - Self.left - 48)
    }

    private func y(_ speedup: Double) -> Double {
        let low = Double(lowExponent)
        let place = (max(low, log2(speedup)) - low) / (Double(highExponent) - low)
        return Self.curveBottom - place * (Self.curveBottom - Self.curveTop)
    }

    /// The whole SVG document.
    package func rendered() -> String {
        let titles = [
            text(Self.left, 30, "Simulated speedup against workers", "title"),
            text(Self.left, 50, escaped(subtitle), "quiet"),
        ]
        return document(
            width: 860, height: 680, rules: Self.rules,
            darkRules: ".curve { stroke: #6db4f5 } .point { fill: #6db4f5 }",
            titles + axes() + curve() + bars() + legend())
    }

    private static let rules = """
        .goal { stroke: #3f9a55; stroke-dasharray: 2 4; fill: none } .goal-label { fill: #3f9a55 }
        .curve { stroke: #1666b0; stroke-width: 2; fill: none } .point { fill: #1666b0 }
        """

    /// The powers of two that an axis names: not more than fit.
    private func ticks(_ low: Int, _ high: Int, most: Int) -> [Int] {
        let step = max(1, (high - low + most - 1) / most)
        return Array(stride(from: low, through: high, by: step))
    }

    private func name(ofPower exponent: Int) -> String {
        exponent >= 0 ? "\(1 << exponent)" : "1/\(1 << -exponent)"
    }

    private func power(_ exponent: Int) -> Double {
        Double(sign: .plus, exponent: exponent, significand: 1)
    }

    private func axes() -> [String] {
        var lines: [String] = []
        for exponent in ticks(lowExponent, highExponent, most: 12) {
            let place = y(power(exponent))
            let kind = exponent == lowExponent ? "axis" : "grid"
            lines.append(line(Self.left, place, Self.right, place, kind))
            lines.append(
                text(Self.left - 10, place + 4, name(ofPower: exponent), "quiet", anchor: "end"))
        }
        for exponent in ticks(0, highExponent, most: 13) {
            let place = x(power(exponent))
            lines.append(line(place, Self.curveBottom, place, Self.curveBottom + 5, "axis"))
            lines.append(
                text(
                    place, Self.curveBottom + 20, name(ofPower: exponent), "quiet",
                    anchor: "middle"))
        }
        lines.append(line(Self.left, Self.curveTop, Self.left, Self.curveBottom, "axis"))
        lines.append(
            sideTitle(
                "speedup (times one worker)", around: (Self.curveTop + Self.curveBottom) / 2))
        lines.append(
            text(
                (Self.left + Self.right) / 2, Self.curveBottom + 38, "workers", anchor: "middle"))
        return lines
    }

    private func curve() -> [String] {
        let most = power(highExponent)
        let places = points.map { (x(Double($0.workerCount)), y($0.speedup)) }
        let path = places.map { "\(number($0.0)),\(number($0.1))" }.joined(separator: " ")
        return [
            line(x(1), y(1), x(most), y(most), "ideal"),
            line(x(1), y(0.9), x(most), y(0.9 * most), "goal"),
            text(Self.right + 12, y(most) + 4, "ideal"),
            text(Self.right + 12, y(most) + 22, "efficiency 0.9 (dotted)", "goal-label"),
            text(Self.right + 12, y(most) + 40, "simulated (points)", "quiet"),
            "<polyline class=\"curve\" points=\"\(path)\"/>",
        ]
            + places.map {
                "<circle class=\"point\" cx=\"\(number($0.0))\" cy=\"\(number($0.1))\" r=\"4\"/>"
            }
    }

    /// Where the time goes, a bar per worker count; its efficiency above it where there is room.
    private func bars() -> [String] {
        var lines = [
            line(Self.left, Self.barBottom, Self.right, Self.barBottom, "axis"),
            text(Self.left - 10, Self.barBottom + 4, "0", "quiet", anchor: "end"),
            text(Self.left - 10, Self.barTop + 4, "100%", "quiet", anchor: "end"),
            sideTitle("workers' time", around: (Self.barTop + Self.barBottom) / 2),
            text(Self.right + 12, Self.barTop - 8, "efficiency", "quiet"),
            text(Self.right + 12, Self.barBottom + 18, "workers", "quiet"),
        ]
        let places = points.map { x(Double($0.workerCount)) }
        let gap = zip(places, places.dropFirst()).map { $1 - $0 }.min() ?? Self.textGap
        let breadth = max(2, min(26, gap - 2))
        var labelled = -Double.infinity
        for (point, place) in zip(points, places) {
            var top = Self.barBottom
            for (use, share) in point.shares.enumerated() where share > 0 {
                let height = share * (Self.barBottom - Self.barTop)
                top -= height
                lines.append(
                    "<rect x=\"\(number(place - breadth / 2))\" y=\"\(number(top))\" width=\"\(number(breadth))\" height=\"\(number(height))\" fill=\"\(Self.colours[use])\"/>"
                )
            }
            guard place - labelled >= Self.textGap else { continue }
            labelled = place
            let efficiency = Format.percent(
                point.speedup / Double(point.workerCount), places: 0)
            lines.append(text(place, Self.barTop - 8, efficiency, anchor: "middle"))
            lines.append(
                text(place, Self.barBottom + 18, "\(point.workerCount)", "quiet", anchor: "middle"))
        }
        return lines
    }

    /// The uses that take a thousandth anywhere, from the top of a bar down.
    private func legend() -> [String] {
        var lines: [String] = []
        var place = Self.barTop + 8
        for (use, name) in uses.enumerated().reversed()
        where points.contains(where: { $0.shares[use] >= 0.0005 }) {
            lines.append(
                "<rect x=\"\(number(Self.right + 12))\" y=\"\(number(place - 10))\" width=\"12\" height=\"12\" fill=\"\(Self.colours[use])\"/>"
            )
            lines.append(text(Self.right + 30, place, escaped(name)))
            place += 17
        }
        return lines
    }
}

extension ScalingChart: SVGDrawing {}
