/// The picture of `coordinator benchmark`: head-phase speedup against worker count, as SVG.
///
/// Measured medians with their spread, the ideal line, Amdahl's line for the whole job, and where
/// cores run out. One file, no network, light and dark.
package struct SpeedupChart: Sendable {
    /// The trials with one number of workers.
    package struct Point: Sendable {
        /// Worker processes.
        package var workerCount: Int
        /// Speedup of the slowest trial against the base.
        package var lowest: Double
        /// Speedup of the median trial.
        package var median: Double
        /// Speedup of the fastest trial.
        package var highest: Double

        /// A point with its spread.
        package init(workerCount: Int, lowest: Double, median: Double, highest: Double) {
            self.workerCount = workerCount
            self.lowest = lowest
            self.median = median
            self.highest = highest
        }
    }

    /// Ascending by workers.
    package var points: [Point]
    /// Share of the whole job's time with one worker that more workers do not shorten, in [0, 1].
    package var serialShare: Double
    /// Cores of the machine that ran the workers.
    package var coreCount: Int
    /// What was run, below the title.
    package var subtitle: String

    /// A chart of these trials.
    package init(points: [Point], serialShare: Double, coreCount: Int, subtitle: String) {
        self.points = points
        self.serialShare = serialShare
        self.coreCount = coreCount
        self.subtitle = subtitle
    }

    private static let width = 760.0
    private static let height = 500.0
    private static let left = 70.0
    private static let right = 170.0
    private static let top = 70.0
    private static let bottom = 60.0

    /// The largest number on both axes.
    private var limit: Double {
        let most = Double(points.map(\.workerCount).max() ?? 1)
        return Double(max(2, Int(most) + max(1, Int(most) / 8)))
    }

    private func x(_ workers: Double) -> Double {
        Self.left + workers / limit * (Self.width - Self.left - Self.right)
    }

    private func y(_ speedup: Double) -> Double {
        Self.height - Self.bottom - speedup / limit * (Self.height - Self.top - Self.bottom)
    }

    /// Speedup of the whole job with so many workers: 1 / (serial + (1 - serial) / workers).
    ///
    /// Amdahl, "Validity of the single processor approach" (AFIPS 1967).
    package func amdahl(_ workers: Double) -> Double {
        1 / (serialShare + (1 - serialShare) / workers)
    }

    /// The whole SVG document.
    package func rendered() -> String {
        var lines = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 500\" width=\"760\" height=\"500\" font-family=\"sans-serif\" font-size=\"13\">",
            Self.style,
            "<rect class=\"ground\" width=\"760\" height=\"500\"/>",
            text(Self.left, 30, "Head-phase speedup against workers", "title"),
            text(Self.left, 50, escaped(subtitle), "quiet"),
        ]
        lines += axes() + cores() + curves() + measured() + ["</svg>", ""]
        return lines.joined(separator: "\n")
    }

    private static let style = """
        <style>
        .ground { fill: #fff } text { fill: #222 } .quiet { fill: #666 }
        .title { font-size: 16px; font-weight: bold }
        .axis { stroke: #888 } .grid { stroke: #e4e4e4 }
        .ideal { stroke: #888; stroke-dasharray: 6 4; fill: none }
        .amdahl { stroke: #c2571a; fill: none; stroke-width: 2 } .amdahl-label { fill: #c2571a }
        .cores { stroke: #7a4fbf; stroke-dasharray: 2 4; fill: none } .cores-label { fill: #7a4fbf }
        .spread { stroke: #1666b0; stroke-width: 2 } .point { fill: #1666b0 } .point-label { fill: #1666b0 }
        @media (prefers-color-scheme: dark) {
        .ground { fill: #16181c } text { fill: #e6e6e6 } .quiet { fill: #a0a0a0 }
        .grid { stroke: #2c2f36 } .amdahl { stroke: #ff9a5c } .amdahl-label { fill: #ff9a5c }
        .cores { stroke: #b79cf0 } .cores-label { fill: #b79cf0 }
        .spread { stroke: #6db4f5 } .point { fill: #6db4f5 } .point-label { fill: #6db4f5 }
        }
        </style>
        """

    private func axes() -> [String] {
        var lines: [String] = []
        let step = max(1, Int(limit) / 8)
        for tick in stride(from: 0, through: Int(limit), by: step) {
            let value = Double(tick)
            lines.append(line(x(0), y(value), x(limit), y(value), tick == 0 ? "axis" : "grid"))
            lines.append(text(x(0) - 10, y(value) + 4, "\(tick)", "quiet", anchor: "end"))
            if tick > 0 {
                lines.append(text(x(value), y(0) + 20, "\(tick)", "quiet", anchor: "middle"))
            }
        }
        lines.append(line(x(0), y(0), x(0), y(limit), "axis"))
        lines.append(text(x(limit / 2), Self.height - 14, "workers", anchor: "middle"))
        lines.append(
            "<text transform=\"translate(22 \(number(y(limit / 2)))) rotate(-90)\" text-anchor=\"middle\">speedup (times one worker)</text>"
        )
        return lines
    }

    private func cores() -> [String] {
        guard Double(coreCount) <= limit else { return [] }
        let place = x(Double(coreCount))
        let label = "cores run out: \(coreCount)"
        return [
            line(place, y(0), place, y(limit), "cores"),
            text(place + 6, y(0) - 10, label, "cores-label"),
        ]
    }

    private func curves() -> [String] {
        let steps = stride(from: 1.0, through: limit, by: limit / 200)
        let path = steps.map { "\(number(x($0))),\(number(y(min(limit, amdahl($0)))))" }
        return [
            line(x(1), y(1), x(limit), y(limit), "ideal"),
            text(x(limit) + 8, y(limit) + 4, "ideal"),
            "<polyline class=\"amdahl\" points=\"\(path.joined(separator: " "))\"/>",
            text(x(limit) + 8, y(amdahl(limit)) + 4, "whole job (Amdahl)", "amdahl-label"),
        ]
    }

    private func measured() -> [String] {
        points.flatMap { point in
            let place = x(Double(point.workerCount))
            let label = Format.decimal(point.median, places: 2)
            return [
                line(place, y(point.lowest), place, y(point.highest), "spread"),
                "<circle class=\"point\" cx=\"\(number(place))\" cy=\"\(number(y(point.median)))\" r=\"5\"/>",
                text(place - 10, y(point.median) - 8, label, "point-label", anchor: "end"),
            ]
        }
    }
}

extension SpeedupChart: SVGDrawing {}
