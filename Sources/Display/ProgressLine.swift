import Scheduling

/// Progress on one line, for logs and pipes.
package enum ProgressLine {
    /// The line, without a newline.
    package static func rendered(_ state: ProgressState) -> String {
        switch state {
        case .activity(let text, let share): activity(text, share: share)
        case .backbone(let progress): backbone(progress)
        case .heads(let progress): heads(progress)
        }
    }

    static func activity(_ text: String, share: Double?) -> String {
        Format.printable(text) + (share.map { ", " + wholePercent($0) } ?? "")
    }

    private static func backbone(_ progress: BackboneProgress) -> String {
        let share = fraction(progress.rowsDone, of: progress.rowCount)
        var parts = [
            "backbone: epoch \(progress.epoch)/\(progress.epochCount) "
                + wholePercent(share)
        ]
        parts += figures(of: progress)
        return parts.joined(separator: ", ")
    }

    private static func heads(_ progress: HeadsProgress) -> String {
        let parts =
            [
                "\(progress.noun): \(Format.count(progress.headsDone))/\(Format.count(progress.headCount)) "
                    + wholePercent(progress.shareDone)
            ] + figures(of: progress) + [Format.count(progress.workers.count, "worker")]
        return parts.joined(separator: ", ")
    }

    /// Loss, accuracy, rate and time left, as far as they are known.
    static func figures(of progress: BackboneProgress) -> [String] {
        var parts: [String] = []
        if let loss = progress.loss { parts.append("loss " + Format.decimal(loss, places: 4)) }
        if let accuracy = progress.accuracy { parts.append("accuracy " + Format.percent(accuracy)) }
        parts.append(Format.rate(progress.imagesPerSecond) + " images/s")
        parts += timeLeft(progress.secondsLeft)
        return parts
    }

    /// Rates and time left.
    static func figures(of progress: HeadsProgress) -> [String] {
        [
            Format.rate(progress.headsPerSecond) + " \(progress.noun)/s",
            Format.rate(progress.gflopsPerSecond) + " GFLOP/s",
        ] + timeLeft(progress.secondsLeft)
    }

    private static func timeLeft(_ seconds: Double?) -> [String] {
        // A time that would be shown as 0.00s is left out.
        guard let seconds, seconds >= 0.005 else { return [] }
        return [Format.duration(seconds: seconds) + " left"]
    }

    static func fraction(_ done: Int, of count: Int) -> Double {
        count > 0 ? clamped(Double(done) / Double(count)) : 0
    }

    /// A share within [0, 1]; 0 for NaN.
    static func clamped(_ share: Double) -> Double {
        share > 0 ? min(share, 1) : 0
    }

    /// A share as whole per cent, rounded down: 100% before the end looks like a run that hangs.
    static func wholePercent(_ share: Double) -> String {
        // The addend undoes the binary rounding of shares like 0.29.
        "\(Int(clamped(share) * 100 + 1e-9))%"
    }
}
