/// The time of a study without long pauses, such as after an interruption.
package struct WorkingTime: Sendable {
    /// What was left out: where in the working time, and how much.
    package private(set) var pauses: [(place: Double, seconds: Double)] = []
    /// From the first start to the last end, without the pauses.
    package private(set) var seconds = 0.0
    /// Start, end and place of the stretches with work, ascending.
    private var stretches: [(start: Double, end: Double, place: Double)] = []

    /// The working time of these stretches; unsound ones are left out.
    package init(_ spans: [StudySpan]) {
        let sorted = spans.filter(Self.isSound).sorted { $0.start < $1.start }
        var merged: [(start: Double, end: Double)] = []
        for span in sorted {
            let end = span.start + span.seconds
            if let last = merged.last, span.start <= last.end {
                merged[merged.count - 1].end = max(last.end, end)
            } else {
                merged.append((span.start, end))
            }
        }
        let busy = merged.reduce(0) { $0 + $1.end - $1.start }
        let longest = max(60, busy / 20)
        for stretch in merged {
            if let last = stretches.last {
                let gap = stretch.start - last.end
                if gap > longest {
                    pauses.append((seconds, gap))
                } else {
                    seconds += gap
                }
            }
            stretches.append((stretch.start, stretch.end, seconds))
            seconds += stretch.end - stretch.start
        }
    }

    /// Whether a span has finite, sensible figures.
    package static func isSound(_ span: StudySpan) -> Bool {
        span.start.isFinite && span.seconds.isFinite && span.seconds > 0
            && abs(span.start) < 1e12 && span.seconds < 1e12
    }

    /// Where an instant of a span lies in the working time.
    package func place(_ instant: Double) -> Double {
        var (low, high) = (0, stretches.count)
        while low < high {
            let middle = (low + high) / 2
            if stretches[middle].start <= instant { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return 0 }
        let stretch = stretches[low - 1]
        return stretch.place + min(instant, stretch.end) - stretch.start
    }
}
