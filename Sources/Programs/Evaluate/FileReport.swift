import Decoding
import Display
import Formats
import Model
import Numerics
import Prediction
import Statistics

/// How well a model predicts the rows of a file, as tables and as JSON.
struct FileReport {
    /// Above so many classes the table shows the worst of them.
    private static let tableClassCountMax = 30
    private static let shownClassCount = 20
    /// Above so many classes the JSON has no whole matrix, but the largest confusions alone.
    private static let matrixClassCountMax = 100
    private static let confusionCountMax = 1_000

    private let options: FileEvaluationOptions
    private let predictor: Predictor
    private let tally: FileTally
    private let metrics: ProbabilityMetrics

    init(
        _ options: FileEvaluationOptions, _ predictor: Predictor, _ tally: FileTally
    ) throws(DecodingError) {
        self.options = options
        self.predictor = predictor
        self.tally = tally
        metrics = try ProbabilityMetrics(
            tally.scores, labels: tally.labels, classCount: predictor.model.classCount)
    }

    private var names: [String] { predictor.model.classNames }

    /// A count out of a total, with its interval.
    private struct Share {
        let count: Int
        let total: Int

        private var interval: WilsonInterval? {
            total > 0 ? WilsonInterval(successes: count, total: total) : nil
        }

        /// Share, interval and counts as cells of a table.
        var cells: [String] {
            guard let interval else { return ["-", "-", Format.count(count) + "/0"] }
            return [
                Format.percent(Double(count) / Double(total)),
                Format.percent(interval.lower) + " - " + Format.percent(interval.upper),
                Format.count(count) + "/" + Format.count(total),
            ]
        }

        var value: JSONValue { total > 0 ? .number(Double(count) / Double(total)) : .null }

        var ends: JSONValue {
            interval.map { .array([.number($0.lower), .number($0.upper)]) } ?? .null
        }
    }

    private var accuracy: Share {
        Share(count: metrics.evaluation.correctCount, total: tally.labels.count)
    }

    /// The tables, each line ended by a newline.
    var text: String {
        let width = Terminal.outputColumns
        var blocks = [summary.lines(width: width)]
        if tally.threshold != nil { blocks.append(rejection.lines(width: width)) }
        blocks.append(recalls(width))
        let confusions = metrics.evaluation.largestConfusions(options.confusionCount)
        if !confusions.isEmpty {
            var table = TextTable(
                columns: [("label", .left), ("taken for", .left), ("rows", .right)], keyCount: 2)
            for confusion in confusions {
                table.add([
                    names[confusion.label], names[confusion.prediction],
                    Format.count(confusion.count),
                ])
            }
            blocks.append(table.lines(width: width))
        }
        blocks.append(Format.wrapped(note, width: width))
        return blocks.joined(separator: [""]).map { $0 + "\n" }.joined()
    }

    private var note: String {
        let calibrated =
            predictor.calibration.map {
                "calibrated by validation rows (temperature \(Format.decimal($0.temperature, places: 3)))"
            } ?? "not calibrated"
        return
            "\(tally.rowCount.counted("row")) of \(Format.printable(options.test)) by \(Format.printable(options.model)); probabilities are \(calibrated)"
    }

    private var summary: TextTable {
        var table = TextTable(columns: [
            ("scheme", .left), ("accuracy", .right), ("95% interval", .right),
            ("correct", .right), ("top 5", .right), ("NLL", .right), ("Brier", .right),
            ("ECE", .right),
        ])
        let figures = [
            Format.percent(metrics.topFiveAccuracy),
            Format.decimal(metrics.negativeLogLikelihood, places: 4),
            Format.decimal(metrics.brierScore, places: 4),
            Format.decimal(metrics.expectedCalibrationError, places: 4),
        ]
        table.add(
            [predictor.scheme.fullTitle] + accuracy.cells
                + figures.map { accuracy.total > 0 ? $0 : "-" })
        return table
    }

    /// Rows of known classes that are kept, the right ones among them and among all, and the rows of other
    /// classes that are found.
    private var kept: Share { Share(count: tally.keptCount, total: tally.labels.count) }
    private var rightOfKept: Share {
        Share(count: tally.keptCorrectCount, total: tally.keptCount)
    }
    private var rightOfAll: Share {
        Share(count: tally.keptCorrectCount, total: tally.labels.count)
    }
    private var found: Share {
        Share(count: tally.outsideRejectedCount, total: tally.outsideCount)
    }

    private var rejection: TextTable {
        var table = TextTable(columns: [
            ("with --reject", .left), ("share", .right), ("95% interval", .right),
            ("rows", .right),
        ])
        for (what, share) in [
            ("rows of known classes kept", kept), ("right among those kept", rightOfKept),
            ("right among all of known classes", rightOfAll),
            ("rows of other classes rejected", found),
        ] {
            table.add([what] + share.cells)
        }
        return table
    }

    /// The recall of each class, or of the worst.
    private func recalls(_ width: Int?) -> [String] {
        let counts = metrics.evaluation.classCounts
        var table = TextTable(columns: [
            ("class", .left), ("recall", .right), ("95% interval", .right), ("correct", .right),
        ])
        var shown = counts.indices.filter { counts[$0].all > 0 }
        let classCount = shown.count
        if classCount > Self.tableClassCountMax {
            shown.sort {
                // Crosswise, so that equal shares are equal.
                let left = counts[$0].correct * counts[$1].all
                let right = counts[$1].correct * counts[$0].all
                return (left, $0) < (right, $1)
            }
            shown = Array(shown.prefix(Self.shownClassCount))
        }
        for index in shown {
            table.add(
                [names[index]] + Share(count: counts[index].correct, total: counts[index].all).cells
            )
        }
        let rest =
            shown.count < classCount
            ? Format.wrapped(
                "the lowest \(shown.count) of \(classCount.counted("class")); --json has all",
                width: width) : []
        return table.lines(width: width) + rest
    }

    /// The same as an object.
    var json: JSONValue {
        let evaluation = metrics.evaluation
        var object: [String: JSONValue] = [
            "model": .string(options.model), "test": .string(options.test),
            "scheme": .string(predictor.scheme.rawValue), "test_rows": integer(tally.rowCount),
            "classes": integer(names.count), "class_names": .array(names.map { .string($0) }),
            "temperature": predictor.calibration.map { .number($0.temperature) } ?? .null,
            "correct": integer(accuracy.count), "accuracy": accuracy.value,
            "accuracy_interval": accuracy.ends,
            "top5_accuracy": .number(metrics.topFiveAccuracy),
            "nll": .number(metrics.negativeLogLikelihood), "brier": .number(metrics.brierScore),
            "ece": .number(metrics.expectedCalibrationError),
            "recall": .array(
                zip(names, evaluation.classCounts).map { name, count in
                    let share = Share(count: count.correct, total: count.all)
                    return .object([
                        "label": .string(name), "rows": integer(count.all),
                        "correct": integer(count.correct), "recall": share.value,
                        "interval": share.ends,
                    ])
                }),
            "confusions": .array(
                evaluation.largestConfusions(Self.confusionCountMax).map { confusion in
                    .object([
                        "label": .string(names[confusion.label]),
                        "predicted": .string(names[confusion.prediction]),
                        "rows": integer(confusion.count),
                    ])
                }),
        ]
        if names.count <= Self.matrixClassCountMax {
            let matrix = evaluation.confusion
            object["confusion"] = .array(
                names.indices.map { label in
                    let row = matrix[label * names.count..<(label + 1) * names.count]
                    return .array(row.map { integer($0) })
                })
        }
        if let share = options.reject, let threshold = tally.threshold {
            object["reject"] = .object([
                "share": .number(share), "threshold": .number(threshold),
                "inside_rows": integer(kept.total), "inside_kept": integer(kept.count),
                "inside_kept_accuracy": rightOfKept.value, "inside_accuracy": rightOfAll.value,
                "outside_rows": integer(found.total), "outside_rejected": integer(found.count),
                "outside_recall": found.value, "outside_recall_interval": found.ends,
            ])
        }
        return .object(object)
    }

    private func integer(_ value: Int) -> JSONValue { .integer(Int64(value)) }
}
