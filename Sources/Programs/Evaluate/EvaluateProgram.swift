import Decoding
import Display
import Formats
import Heads
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
        let schemes = try schemeLines(model, test)
        let eliminations = model.hasSubsets ? try policyLines(model, test) : []
        try StandardStream.output(
            options.printsJSON
                ? String(
                    decoding: try JSONFile.encode(json(model, test, schemes, eliminations)),
                    as: UTF8.self)
                : table(model, schemes, eliminations))
    }

    private func schemeLines(
        _ model: FinishedModel, _ test: FinishedModel.TestSet
    ) throws -> [Line] {
        let all = ClassSet.all(model.classCount)
        let width = test.features.columnCount
        var lines: [Line] = []
        func add(
            _ key: String, _ title: String, _ cost: SchemeCost, _ found: ClassProbabilities
        ) throws {
            lines.append(
                Line(
                    key: key, title: title,
                    metrics: try ProbabilityMetrics(
                        found, labels: test.labels, classCount: model.classCount),
                    headsPerRow: Double(cost.headsPerPrediction),
                    flopsPerRow: Double(cost.flopsPerPrediction)))
        }
        func cost(_ scheme: Scheme) -> SchemeCost {
            scheme.cost(classCount: model.classCount, featureCount: width)
        }
        try add(
            Scheme.oneVsAll.rawValue, Scheme.oneVsAll.title, cost(.oneVsAll),
            SchemeDecoder.oneVsAllProbabilities(test.features, head: model.output))
        if model.hasSubsets {
            try add(
                Scheme.oneVsAllRefit.rawValue, Scheme.oneVsAllRefit.title, cost(.oneVsAllRefit),
                SchemeDecoder.oneVsAllProbabilities(
                    test.features, head: model.heads.head(over: all)))
        }
        for rule in PairRule.allCases {
            let found = try SchemeDecoder.pairProbabilities(
                test.features, classes: all, heads: model.heads, rule: rule)
            try add(rule.rawValue, rule.title, cost(.allVsAll), found)
            if rule == .eliminationGraph {
                // What the rule decides by: a pair of outputs for each class that leaves.
                let pairCount = Double(model.classCount - 1)
                lines[lines.count - 1].headsPerRow = pairCount
                lines[lines.count - 1].flopsPerRow = pairCount * 4 * Double(width)
            }
        }
        return lines
    }

    private func policyLines(
        _ model: FinishedModel, _ test: FinishedModel.TestSet
    ) throws -> [Line] {
        try policies.map { policy in
            let outcome = try SchemeDecoder.eliminate(
                test.features, classes: .all(model.classCount), heads: model.heads, policy: policy)
            let (key, value): (String, Double) =
                switch policy {
                case .lowest(let count): ("drop", Double(count))
                case .below(let threshold): ("threshold", threshold)
                case .certain(let margin): ("margin", margin)
                }
            return Line(
                key: key, title: "tree elimination, \(policy.title)", value: value,
                metrics: try ProbabilityMetrics(
                    outcome.probabilities, labels: test.labels, classCount: model.classCount),
                headsPerRow: outcome.headsPerRow,
                flopsPerRow: outcome.flopsPerRow(featureCount: test.features.columnCount),
                topNeverChangedShare: outcome.topNeverChangedShare)
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
        return (table.lines + ["", "\(rows) test rows of \(options.run)"]).map { $0 + "\n" }
            .joined()
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
                "negative_log_likelihood": .number(metrics.negativeLogLikelihood),
                "brier_score": .number(metrics.brierScore),
                "expected_calibration_error": .number(metrics.expectedCalibrationError),
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
