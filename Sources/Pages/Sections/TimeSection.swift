import Display
import Study

/// Where the time went: a lane per worker, kinds of work by colour and pattern, and the sums.
struct TimeSection {
    let spans: [StudySpan]

    private static let known = ["trial", "network"]
    /// Narrower screens scroll.
    static let width = 736.0
    private static let lane = 30.0

    func rendered() -> String {
        let sound = spans.filter(WorkingTime.isSound)
        guard !sound.isEmpty else { return "<p>No times were recorded.</p>\n" }
        let time = WorkingTime(sound)
        let workers = StudyNames.unique(sound.map(\.worker))
        let kinds = kinds(sound)
        var text = "<p>\(words(sound, time, workers))</p>\n"
        text += ChartLegend.rendered(
            kinds.enumerated().map { index, kind in
                let key =
                    "<svg class=\"t\(index % 4)\" width=\"26\" height=\"14\" viewBox=\"0 0 26 14\" aria-hidden=\"true\"><rect width=\"26\" height=\"14\" fill=\"url(#kind-\(index % 4))\"/></svg>"
                return (key, kind)
            })
        text += """
            <div class="scroll wide" tabindex="0" role="group" aria-label="Timeline of the workers">
            \(chart(sound, time, workers, kinds))</div>
            \(table(sound, time, workers, kinds))
            """
        return text
    }

    /// The known kinds first, then others as they come.
    private func kinds(_ spans: [StudySpan]) -> [String] {
        let found = StudyNames.unique(spans.map(\.kind))
        return Self.known.filter(found.contains) + found.filter { !Self.known.contains($0) }
    }

    private func words(_ spans: [StudySpan], _ time: WorkingTime, _ workers: [String]) -> String {
        let sum = spans.reduce(0) { $0 + $1.seconds }
        var text =
            "\(Format.count(workers.count, "worker")) did \(Format.count(spans.count, "piece")) of work, \(Format.duration(seconds: sum)) in all, within \(Format.duration(seconds: time.seconds))."
        let left = time.pauses.reduce(0) { $0 + $1.seconds }
        if !time.pauses.isEmpty {
            text +=
                " \(Format.count(time.pauses.count, "pause")) in which nobody worked, \(Format.duration(seconds: left)), \(time.pauses.count == 1 ? "is" : "are") left out where the dotted \(time.pauses.count == 1 ? "line is" : "lines are")."
        }
        return text
    }

    // MARK: - The chart

    private func chart(
        _ spans: [StudySpan], _ time: WorkingTime, _ workers: [String], _ kinds: [String]
    ) -> String {
        let bottom = 30 + Double(workers.count) * Self.lane
        var plot = ChartPlot(
            frame: .init(left: 150, right: Self.width - 24, top: 26, bottom: bottom),
            height: bottom + 48)
        let (unit, name) = unit(time.seconds)
        let scale = ChartScale.linear(
            covering: [0, max(time.seconds, 1e-3) / unit], within: 0...1e12, tickCount: 8)
        plot.add(Self.patterns)
        plot.horizontalAxis(scale, title: "working time (\(name))")
        plot.texts.add("worker", x: 142, y: 14, "quiet axis-title", anchor: .end)
        for (index, worker) in workers.enumerated() {
            let top = 30 + Double(index) * Self.lane
            plot.texts.add(
                Format.fitted(worker, width: min(18, worker.count)), x: 142, y: top + 18,
                anchor: .end)
            let own = merged(
                spans.filter { $0.worker == worker }, time,
                pixel: scale.high * unit / (plot.frame.right - plot.frame.left))
            for span in own {
                let kind = (kinds.firstIndex(of: span.kind) ?? 0) % 4
                plot.addRectangle(
                    left: plot.x(span.start / unit, scale), right: plot.x(span.end / unit, scale),
                    top: top + 3, bottom: top + 25,
                    "class=\"span t\(kind)\" fill=\"url(#kind-\(kind))\"")
            }
        }
        for pause in time.pauses {
            let place = plot.x(pause.place / unit, scale)
            plot.addLine(place, 20, place, bottom, "cut")
        }
        let sums = kinds.map { kind in
            let seconds = spans.filter { $0.kind == kind }.reduce(0) { $0 + $1.seconds }
            return "\(kind) \(Format.duration(seconds: seconds))"
        }
        return plot.rendered(
            id: "timeline", title: "What each worker did when",
            description: "Over all workers: " + sums.joined(separator: ", ") + ".",
            width: Self.width)
    }

    private struct Stretch {
        let kind: String
        let start: Double
        var end: Double
    }

    /// A worker's spans in working time; neighbours of a kind that no eye parts are one.
    private func merged(
        _ spans: [StudySpan], _ time: WorkingTime, pixel: Double
    ) -> [Stretch] {
        var stretches: [Stretch] = []
        for span in spans.sorted(by: { $0.start < $1.start }) {
            let start = time.place(span.start)
            let end = start + span.seconds
            if let last = stretches.last, last.kind == span.kind, start - last.end < pixel {
                stretches[stretches.count - 1].end = max(last.end, end)
            } else {
                stretches.append(Stretch(kind: span.kind, start: start, end: end))
            }
        }
        return stretches
    }

    private func unit(_ seconds: Double) -> (Double, String) {
        if seconds < 180 { return (1, "seconds") }
        return seconds < 3 * 3_600 ? (60, "minutes") : (3_600, "hours")
    }

    /// Full, two ways of hatching, and dots.
    private static let patterns: String = {
        let size = "width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\""
        let marks = [
            "", "<path class=\"ink\" d=\"M-1 1L1 -1M0 6L6 0M5 7L7 5\"/>",
            "<path class=\"ink\" d=\"M3 0V6\"/>",
            "<circle cx=\"3\" cy=\"3\" r=\"1.3\" fill=\"var(--ground)\"/>",
        ]
        let patterns = marks.enumerated().map { index, mark in
            "<pattern id=\"kind-\(index)\" class=\"t\(index)\" \(size)><rect class=\"bar\" width=\"6\" height=\"6\"/>\(mark)</pattern>"
        }
        return "<defs>\(patterns.joined())</defs>"
    }()

    // MARK: - Sums

    private func table(
        _ spans: [StudySpan], _ time: WorkingTime, _ workers: [String], _ kinds: [String]
    ) -> String {
        var table = HTMLTable(
            caption: "Time by worker and kind of work",
            titles: ["worker"] + kinds.map(Markup.escaped) + ["all work", "pieces", "busy"])
        for worker in workers {
            table.add(
                line(Markup.escaped(worker), spans.filter { $0.worker == worker }, time, kinds))
        }
        if workers.count > 1 {
            var cells = line("all workers", spans, time, kinds)
            cells[cells.count - 1] = ""
            table.add(cells)
        }
        return table.rendered()
    }

    private func line(
        _ title: String, _ spans: [StudySpan], _ time: WorkingTime, _ kinds: [String]
    ) -> [String] {
        let sum = { (spans: [StudySpan]) in spans.reduce(0) { $0 + $1.seconds } }
        let cells = kinds.map { kind in
            let own = spans.filter { $0.kind == kind }
            return own.isEmpty ? StudyFormat.nothing : Format.duration(seconds: sum(own))
        }
        // The union, as a worker may do two things at once.
        let busy = merged(
            spans.map { span in
                var span = span
                span.kind = ""
                return span
            }, time, pixel: 1e-9
        ).reduce(0) { $0 + $1.end - $1.start }
        let share = time.seconds > 0 ? min(1, busy / time.seconds) : 0
        return [title] + cells + [
            Format.duration(seconds: sum(spans)), Format.count(spans.count),
            Format.percent(share, places: 1),
        ]
    }
}
