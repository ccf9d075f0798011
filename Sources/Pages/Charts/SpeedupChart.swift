import Display

/// The picture of `coordinator benchmark`: head-phase speedup against worker count, as SVG.
///
/// Measured medians with their spread, the ideal line, Amdahl's line for the whole job, and where
/// cores run out. One file, no network, light and dark. Up to eight workers both axes are even;
/// beyond, they double at even steps, or the few workers of 1 to 64 would share one corner.
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
    /// Share of the whole job's time with one worker that more workers do not shorten, in [0, 1];
    /// nil where it is not known, and then there is no line for the whole job.
    package var serialShare: Double?
    /// Cores of the machine that ran the workers; nil where they ran on several.
    package var coreCount: Int?
    /// What was run, below the title.
    package var subtitle: String

    /// A chart of these trials.
    package init(points: [Point], serialShare: Double?, coreCount: Int?, subtitle: String) {
        self.points = points
        self.serialShare = serialShare
        self.coreCount = coreCount
        self.subtitle = subtitle
    }

    /// Speedup of the whole job with so many workers: 1 / (serial + (1 - serial) / workers); nil
    /// without a serial share.
    ///
    /// Amdahl, "Validity of the single processor approach" (AFIPS 1967).
    package func amdahl(_ workers: Double) -> Double? {
        serialShare.map { 1 / ($0 + (1 - $0) / workers) }
    }

    /// The whole SVG document.
    package func rendered() -> String {
        let most = points.map(\.workerCount).max() ?? 1
        let least = min(1, points.map(\.lowest).min() ?? 1)
        var texts = ChartTexts()
        let top = heading("Head-phase speedup against workers", subtitle, in: &texts)
        let frame = ChartFrame(most: Double(most), least: least, top: top + 16)
        let lines =
            cores(frame, &texts) + axes(frame, &texts) + curves(frame) + measured(frame, &texts)
        let (signs, bottom) = legend(items, from: frame.floor + 66, in: &texts)
        return document(
            height: bottom, rules: Self.rules, darkRules: Self.darkRules,
            lines + signs + texts.lines)
    }

    /// What is drawn, by the signs it is drawn with.
    private var items: [(sign: String, name: String)] {
        let measured =
            line(15, -7, 15, 7, "spread") + "<circle class=\"point\" cx=\"15\" cy=\"0\" r=\"5\"/>"
        var items = [
            (sign: measured, name: "measured, with its range"),
            (line(2, 0, 28, 0, "ideal"), "ideal"),
        ]
        if serialShare != nil {
            items.append((line(2, 0, 28, 0, "amdahl"), "whole job (Amdahl)"))
        }
        return items
    }

    /// Numbers keep a rim of the ground's colour, so that they are read where a line passes.
    private static let rules = """
        .amdahl { stroke: #c2571a; fill: none; stroke-width: 2 }
        .cores { stroke: #7a4fbf; stroke-dasharray: 2 4; fill: none } .cores-label { fill: #7a4fbf }
        .beyond { fill: #7a4fbf; fill-opacity: .07 }
        .spread { stroke: #1666b0; stroke-width: 2 } .point { fill: #1666b0 }
        .point-label { fill: #1666b0; stroke: #fff; stroke-width: 3px; paint-order: stroke }
        """

    private static let darkRules = """
        .amdahl { stroke: #ff9a5c }
        .cores { stroke: #b79cf0 } .cores-label { fill: #b79cf0 }
        .beyond { fill: #b79cf0; fill-opacity: .09 }
        .spread { stroke: #6db4f5 } .point { fill: #6db4f5 }
        .point-label { fill: #6db4f5; stroke: #16181c }
        """

    private func axes(_ frame: ChartFrame, _ texts: inout ChartTexts) -> [String] {
        var lines: [String] = []
        for tick in frame.ticks {
            let (x, y) = (frame.x(tick), frame.y(tick))
            let label = Format.decimal(tick, places: 0)
            lines.append(line(frame.left, y, frame.rightEdge, y, "grid"))
            texts.add(label, x: frame.left - 10, y: y + 4, "quiet", anchor: .end)
            texts.add(label, x: x, y: frame.floor + 20, "quiet", anchor: .middle)
        }
        lines.append(line(frame.left, frame.floor, frame.rightEdge, frame.floor, "axis"))
        lines.append(line(frame.left, frame.floor, frame.left, frame.top, "axis"))
        let middle = (frame.left + frame.rightEdge) / 2
        texts.add("workers", x: middle, y: frame.floor + 42, anchor: .middle)
        lines.append(
            sideTitle("speedup (times one worker)", around: (frame.top + frame.floor) / 2))
        return lines
    }

    /// Above the frame, where no data are.
    private func cores(_ frame: ChartFrame, _ texts: inout ChartTexts) -> [String] {
        guard let coreCount else { return [] }
        let y = frame.top - 8
        guard Double(coreCount) <= frame.most else {
            texts.add(
                "cores do not run out: \(coreCount)", x: frame.rightEdge, y: y, "cores-label",
                anchor: .end)
            return []
        }
        let place = frame.x(Double(coreCount))
        let isLeft = place < (frame.left + frame.rightEdge) / 2
        texts.add(
            "cores run out: \(coreCount)", x: place, y: y, "cores-label",
            anchor: isLeft ? .start : .end)
        return [
            "<rect class=\"beyond\" x=\"\(number(place))\" y=\"\(number(frame.top))\" width=\"\(number(frame.rightEdge - place))\" height=\"\(number(frame.floor - frame.top))\"/>",
            line(place, frame.floor, place, frame.top, "cores"),
        ]
    }

    private func curves(_ frame: ChartFrame) -> [String] {
        let end = frame.limit
        let ideal = line(frame.x(1), frame.y(1), frame.x(end), frame.y(end), "ideal")
        guard serialShare != nil else { return [ideal] }
        let path = stride(from: 0.0, through: 1, by: 1.0 / 128).map { share in
            let workers = frame.between(1, end, share)
            return "\(number(frame.x(workers))),\(number(frame.y(amdahl(workers) ?? 1)))"
        }
        return [
            ideal, "<polyline class=\"amdahl\" points=\"\(path.joined(separator: " "))\"/>",
        ]
    }

    private func measured(_ frame: ChartFrame, _ texts: inout ChartTexts) -> [String] {
        let radius = points.count > 24 ? 3.0 : 5
        for point in points {
            texts.keepFree(
                around: frame.x(Double(point.workerCount)), frame.y(point.median), radius: radius)
        }
        // The ends first, then the powers of two, then whatever still finds a place.
        let order = points.indices.sorted { rank(of: $0) < rank(of: $1) }
        for index in order {
            let point = points[index]
            texts.addIfFree(
                Format.decimal(point.median, places: 2), "point-label",
                near: frame.x(Double(point.workerCount)), frame.y(point.median), radius: radius,
                left: frame.left, right: SVGDocument.width - 2, floor: frame.floor)
        }
        return points.flatMap { point in
            let place = frame.x(Double(point.workerCount))
            return [
                line(place, frame.y(point.lowest), place, frame.y(point.highest), "spread"),
                "<circle class=\"point\" cx=\"\(number(place))\" cy=\"\(number(frame.y(point.median)))\" r=\"\(number(radius))\"/>",
            ]
        }
    }

    private func rank(of index: Int) -> Int {
        let count = points[index].workerCount
        if index == points.count - 1 { return 0 }
        if index == 0 { return 1 }
        return count & (count - 1) == 0 ? 2 + index : 2 + points.count + index
    }
}

extension SpeedupChart: SVGDrawing {}
