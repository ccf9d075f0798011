import Statistics

/// What `coordinator run` prints on standard output at the end: schemes, digests and times.
package enum ResultsTable {
    /// A scheme's line.
    package struct Row: Sendable {
        /// Its name, for instance `all-vs-all`.
        package var scheme: String
        /// Test rows predicted right, at most `total`.
        package var correct: Int
        /// Test rows.
        package var total: Int
        /// Heads trained for the scheme.
        package var headCount: Int
        /// Heads asked for one prediction.
        package var headsPerPrediction: Int
        /// Weights and biases of all the scheme's heads.
        package var parameterCount: Int

        /// A line of these figures.
        package init(
            scheme: String, correct: Int, total: Int, headCount: Int, headsPerPrediction: Int,
            parameterCount: Int
        ) {
            self.scheme = scheme
            self.correct = correct
            self.total = total
            self.headCount = headCount
            self.headsPerPrediction = headsPerPrediction
            self.parameterCount = parameterCount
        }
    }

    /// The whole text, each line ended by a newline; plain ASCII as long as names are.
    ///
    /// Everything is in the order shown; notes stand under the table, digests are hexadecimal, times
    /// are seconds. Without notes, digests or times their lines are left out. No line is longer than
    /// `width`, as long as no word is.
    package static func rendered(
        rows: [Row], notes: [String] = [], digests: [(name: String, value: String)],
        times: [(name: String, seconds: Double)], width: Int?
    ) -> String {
        var table = TextTable(columns: [
            ("scheme", .left), ("accuracy", .right), ("95% interval", .right), ("correct", .right),
            ("heads", .right), ("heads/prediction", .right), ("parameters", .right),
        ])
        for row in rows {
            var figures = ["-", "-", "-"]
            if row.total > 0 {
                let interval = WilsonInterval(successes: row.correct, total: row.total)
                figures = [
                    Format.percent(Double(row.correct) / Double(row.total)),
                    Format.percent(interval.lower) + " - " + Format.percent(interval.upper),
                    Format.count(row.correct) + "/" + Format.count(row.total),
                ]
            }
            table.add(
                [row.scheme] + figures + [
                    Format.count(row.headCount), Format.count(row.headsPerPrediction),
                    Format.count(row.parameterCount),
                ])
        }
        let lines =
            table.lines(width: width)
            + (notes.isEmpty ? [] : [""] + notes.map(Format.printable))
            .flatMap { Format.wrapped($0, width: width, indent: footIndent) }
            + foot(digests: digests, times: times, width: width)
        return lines.map { $0 + "\n" }.joined()
    }

    private static let footIndent = "       "

    /// What ends every table of results: an empty line, digests and times; nothing without both.
    package static func foot(
        digests: [(name: String, value: String)], times: [(name: String, seconds: Double)],
        width: Int?
    ) -> [String] {
        guard !digests.isEmpty || !times.isEmpty else { return [] }
        let nameWidth = digests.reduce(0) { max($0, $1.name.count) }
        var lines = digests.map {
            "sha256 " + Format.fitted($0.name, width: nameWidth) + "  "
                + Format.printable($0.value)
        }
        if !times.isEmpty {
            let parts = times.map {
                Format.printable($0.name) + " " + Format.duration(seconds: $0.seconds)
            }
            lines.append("time   " + parts.joined(separator: ", "))
        }
        return [""] + lines.flatMap { Format.wrapped($0, width: width, indent: footIndent) }
    }
}
