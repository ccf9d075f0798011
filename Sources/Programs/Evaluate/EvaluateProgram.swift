import Decoding
import Display
import Formats
import Heads
import LogitKernels
import Model
import Numerics
import RunFolder
package import System

/// `coordinator evaluate`: every scheme and elimination policy on a finished run's test rows.
package struct EvaluateProgram: Sendable {
    private let options: EvaluateOptions
    private let policies: [EliminationPolicy]

    /// A line of the table and an object of the JSON.
    private struct Line {
        var key: String
        var title: String
        /// The policy's own number; nil for a scheme.
        var value: Double?
        var metrics: ProbabilityMetrics
        var headsPerRow: Double
        var flopsPerRow: Double
        /// Nil for a scheme that asks all its heads at once.
        var topNeverChangedShare: Double?
    }

    /// An evaluation of these options.
    ///
    /// - Throws: `usage` with one sentence for what cannot be evaluated.
    package init(_ options: EvaluateOptions) throws(RunError) {
        self.options = options
        policies = try options.policies()
    }

    /// Reads the run, predicts its test rows, and prints a table or the JSON.
    ///
    /// - Throws: `RunError` with the exit status and one sentence.
    package func run() throws(RunError) {
        do {
            try evaluate()
        } catch let error as DecodingError {
            throw RunError(.data, "the heads in \(options.run) do not fit: \(error.message)")
        } catch {
            throw CoordinatorProgram.runError(error)
        }
    }

    private func evaluate() throws {
        let model = try FinishedModel(folder: options.run)
        if options.asksForPolicies && !model.hasSubsets {
            throw RunError.usage(
                "\(options.run) has heads over pairs only; elimination policies need a run with --heads subsets"
            )
        }
        let test = try model.testSet(options)
        let evaluator = try evaluator(model, test)
        let width = test.features.columnCount
        let schemes = try schemeLines(model, evaluator, width)
        let eliminations = model.hasSubsets ? try policyLines(evaluator, width) : []
        try StandardStream.output(
            options.printsJSON
                ? String(
                    decoding: try JSONFile.encode(json(model, test, schemes, eliminations)),
                    as: UTF8.self)
                : table(model, schemes, eliminations))
    }

    /// The tree is among the policies.
    private func evaluator(
        _ model: FinishedModel, _ test: FinishedModel.TestSet
    ) throws -> Evaluator {
        let classes = ClassSet.all(model.classCount)
        let heads = try HeadLogits(model.heads, test.features)
        let schemes = SchemeDecoder.available(
            classes: classes, heads: heads, hasOutput: model.output != nil)
        let decoder = try SchemeDecoder(
            schemes.filter { $0 != .treeElimination }, classes: classes, heads: heads,
            output: model.output.map { try HeadLogits(HeadBank([$0]), test.features) })
        return try Evaluator(
            decoder, labels: test.labels, classCount: model.classCount,
            calibrations: model.model.calibrations)
    }

    private func schemeLines(_ model: FinishedModel, _ evaluator: Evaluator, _ width: Int) throws
        -> [Line]
    {
        try evaluator.results().map { result in
            let cost = result.scheme.cost(classCount: model.classCount, featureCount: width)
            return Line(
                key: result.scheme.rawValue, title: result.scheme.fullTitle,
                metrics: result.metrics, headsPerRow: Double(cost.headsPerPrediction),
                flopsPerRow: Double(cost.flopsPerPrediction))
        }
    }

    private func policyLines(_ evaluator: Evaluator, _ width: Int) throws -> [Line] {
        try policies.map { policy in
            let result = try evaluator.result(of: policy)
            let (key, value): (String, Double) =
                switch policy {
                case .lowest(let count): ("drop", Double(count))
                case .below(let threshold): ("threshold", threshold)
                case .certain(let margin): ("margin", margin)
                }
            return Line(
                key: key, title: "tree elimination, \(policy.title)", value: value,
                metrics: result.metrics, headsPerRow: result.headsPerRow,
                flopsPerRow: result.flopsPerRow(featureCount: width),
                topNeverChangedShare: result.topNeverChangedShare)
        }
    }

    private func table(_ model: FinishedModel, _ schemes: [Line], _ policies: [Line]) -> String {
        var table = TextTable(columns: [
            ("scheme", .left), ("accuracy", .right), ("NLL", .right), ("Brier", .right),
            ("ECE", .right), ("heads/row", .right), ("flops/row", .right),
            ("top never changed", .right),
        ])
        for line in schemes + policies {
            table.add([
                line.title, Format.percent(line.metrics.accuracy),
                Format.decimal(line.metrics.negativeLogLikelihood, places: 4),
                Format.decimal(line.metrics.brierScore, places: 4),
                Format.decimal(line.metrics.expectedCalibrationError, places: 4),
                Format.decimal(line.headsPerRow, places: 2),
                Format.count(Int(line.flopsPerRow.rounded())),
                line.topNeverChangedShare.map { Format.percent($0) } ?? "",
            ])
        }
        let rows = Format.count(model.results.data.testRows)
        let width = Terminal.outputColumns
        return
            (table.lines(width: width)
            + [""] + Format.wrapped("\(rows) test rows of \(options.run)", width: width))
            .map { $0 + "\n" }.joined()
    }

    private func json(
        _ model: FinishedModel, _ test: FinishedModel.TestSet, _ schemes: [Line],
        _ policies: [Line]
    ) -> JSONValue {
        func object(_ line: Line) -> [String: JSONValue] {
            let metrics = line.metrics
            var object: [String: JSONValue] = [
                "accuracy": .number(metrics.accuracy),
                "correct": .integer(Int64(metrics.evaluation.correctCount)),
                "nll": .number(metrics.negativeLogLikelihood),
                "brier": .number(metrics.brierScore),
                "ece": .number(metrics.expectedCalibrationError),
                "top5_accuracy": .number(metrics.topFiveAccuracy),
                "recall": .array(
                    metrics.evaluation.recalls.map { $0.map { .number($0) } ?? .null }),
                "heads_per_row": .number(line.headsPerRow),
                "flops_per_row": .number(line.flopsPerRow),
            ]
            if let share = line.topNeverChangedShare {
                object["top_never_changed"] = .number(share)
            }
            if let value = line.value {
                object["policy"] = .string(line.key)
                object["value"] = .number(value)
            }
            return object
        }
        return .object([
            "run": .string(options.run), "test_rows": .integer(Int64(test.labels.count)),
            "classes": .integer(Int64(model.classCount)),
            "features": .string(test.isSaved ? "saved" : "computed"),
            "digests": .object(["heads": .string(model.results.digests.heads)]),
            "schemes": .object(
                Dictionary(uniqueKeysWithValues: schemes.map { ($0.key, .object(object($0))) })),
            "policies": .array(policies.map { .object(object($0)) }),
        ])
    }
}
