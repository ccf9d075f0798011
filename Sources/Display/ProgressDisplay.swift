import Scheduling

/// A block of lines on a terminal, drawn over itself.
///
/// Returns the text to write; its caller writes it. The cursor stays visible and rests
/// below the block, so nothing has to be undone when the process ends, however it ends.
package struct ProgressDisplay: Sendable {
    /// Lines of the block on the screen now.
    private var lineCount = 0

    /// A display with nothing on the screen yet.
    package init() {}

    /// The escape sequences and text that draw the state in place of the last block.
    ///
    /// - Parameters:
    ///   - width: columns of the terminal; every line is shorter, so that none wraps and the count
    ///     of lines to go back is right. The last column stays free: erasing to the end of a full
    ///     line would erase its last character on some terminals.
    ///   - height: rows of the terminal: workers that do not fit are summed up in one line.
    package mutating func draw(_ state: ProgressState, width: Int, height: Int) -> String {
        let lines = Self.lines(state, width: width - 1, height: height)
        // Go up to the block's first line, overwrite each line, and only then erase what is left
        // below: erasing first would flicker.
        let output =
            upwards + lines.map { $0 + "\u{1B}[K\n" }.joined()
            + (lineCount > lines.count ? "\u{1B}[J" : "")
        lineCount = lines.count
        return output
    }

    /// The sequences that remove the block, for instance to write a log line in its place.
    package mutating func clear() -> String {
        defer { lineCount = 0 }
        return lineCount == 0 ? "" : upwards + "\u{1B}[J"
    }

    /// Leaves the block on the screen: the next one is drawn below it.
    package mutating func keep() {
        lineCount = 0
    }

    private var upwards: String {
        lineCount == 0 ? "" : "\r\u{1B}[\(lineCount)A"
    }

    /// The lines of the block, none longer than `width`, no more than fit in `height` - 1.
    package static func lines(_ state: ProgressState, width: Int, height: Int) -> [String] {
        let width = max(1, width)
        let lines: [String] =
            switch state {
            case .activity(let text, let share): [ProgressLine.activity(text, share: share)]
            case .backbone(let progress): backbone(progress, width: width)
            case .heads(let progress): heads(progress, width: width, lineCountMax: height - 1)
            }
        return lines.prefix(max(1, height - 1)).map { line in
            line.count > width ? Format.fitted(line, width: width) : line
        }
    }

    private static func backbone(_ progress: BackboneProgress, width: Int) -> [String] {
        let rows = "\(Format.count(progress.rowsDone))/\(Format.count(progress.rowCount)) rows"
        return [
            "Backbone: epoch \(progress.epoch)/\(progress.epochCount)",
            bar(
                share: ProgressLine.fraction(progress.rowsDone, of: progress.rowCount), after: rows,
                width: width),
            "  " + ProgressLine.figures(of: progress).joined(separator: ", "),
        ]
    }

    private static func heads(
        _ progress: HeadsProgress, width: Int, lineCountMax: Int
    ) -> [String] {
        let count = "\(Format.count(progress.headsDone))/\(Format.count(progress.headCount))"
        let workerCount = progress.workers.count
        var lines = [
            progress.noun.prefix(1).uppercased() + progress.noun.dropFirst() + ": "
                + Format.count(workerCount, "worker"),
            bar(share: progress.shareDone, after: "\(count) \(progress.noun)", width: width),
            "  " + ProgressLine.figures(of: progress).joined(separator: ", "),
        ]
        let room = max(0, lineCountMax - lines.count)
        let shown = workerCount <= room ? workerCount : max(0, room - 1)
        let named = progress.workers.prefix(shown)
        let names = named.map { narrow($0.name) }
        let nameWidth = min(24, names.reduce(0) { max($0, $1.count) })
        let doneWidth = named.reduce(0) { max($0, Format.count($1.headsDone).count) }
        for (worker, name) in zip(named, names) {
            lines.append(
                "  " + Format.fitted(name, width: nameWidth) + "  "
                    + Format.fitted(worker.state.rawValue, width: 9) + "  "
                    + Format.fitted(
                        Format.count(worker.headsDone), width: doneWidth, alignRight: true)
                    + " "
                    + Format.fitted(
                        noun(of: worker.headsDone, progress), width: progress.noun.count) + "  "
                    + Format.fitted(
                        Format.rate(worker.headsPerSecond), width: 5, alignRight: true)
                    + "/s")
        }
        if shown < workerCount && room > 0 {
            let rest = progress.workers[shown...]
            let done = rest.reduce(0) { $0 + $1.headsDone }
            lines.append(
                "  and \(Format.count(rest.count)) more with \(Format.count(done)) \(noun(of: done, progress))"
            )
        }
        return lines
    }

    private static func noun(of count: Int, _ progress: HeadsProgress) -> String {
        count == 1 ? String(progress.noun.dropLast()) : progress.noun
    }

    /// A name in characters of one column each: a wide one would wrap the line, and the count of
    /// lines to go back would be wrong.
    private static func narrow(_ name: String) -> String {
        String(
            Format.printable(name).map { character in
                character.unicodeScalars.allSatisfy { $0.value < 0x1100 } ? character : "?"
            })
    }

    /// `  [####------]  40%  400/1,000 rows`: a bar as long as the width allows, up to 40.
    private static func bar(share: Double, after text: String, width: Int) -> String {
        let share = ProgressLine.clamped(share)
        let percent = Format.fitted(
            ProgressLine.wholePercent(share), width: 4, alignRight: true)
        let length = min(40, width - "  [] ".count - percent.count - 2 - text.count)
        guard length >= 5 else { return "  " + percent + "  " + text }
        let filled = Int(share * Double(length))
        return "  [" + String(repeating: "#", count: filled)
            + String(repeating: "-", count: length - filled) + "] " + percent + "  " + text
    }
}
