import Decoding
import Display
import Formats
import RunFolder
import Study

extension RunRecord {
    /// The table of a run, as standard output gets it.
    static func table(of results: RunResults) -> String {
        // Those of predictions.csv first.
        let first = PredictionsCSV.schemes.compactMap { Scheme(rawValue: $0) }
        let schemes = first + Scheme.allCases.filter { !first.contains($0) }
        return ResultsTable.rendered(
            rows: schemes.compactMap { scheme in
                results.schemes[scheme.rawValue].map {
                    ResultsTable.Row(
                        scheme: scheme.postTitle, correct: $0.correct ?? 0,
                        total: results.data.testRows, headCount: $0.heads,
                        headsPerPrediction: $0.headsPerPrediction,
                        parameterCount: $0.parameters)
                }
            },
            notes: notes(results),
            digests: [
                ("features", results.digests.features), ("heads", results.digests.heads),
                ("predictions", results.digests.predictions),
            ],
            times: RunResults.Timing.phases.map { ($0.name, results.timing[keyPath: $0.path]) },
            width: Terminal.outputColumns)
    }

    private static func notes(_ results: RunResults) -> [String] {
        runNotes(results) + choiceNotes(results)
    }

    private static func choiceNotes(_ results: RunResults) -> [String] {
        guard let key = results.chosenScheme, let scheme = Scheme(rawValue: key),
            let rows = results.data.validationRows
        else { return [] }
        return [
            "model  predicts by \(scheme.title), which has the least loss on \(Format.count(rows)) validation rows"
        ]
    }

    private static func runNotes(_ results: RunResults) -> [String] {
        guard let starts = results.starts, let last = starts.last, starts.count > 1 else {
            return headNotes(results)
        }
        return headNotes(results) + [
            "starts \(starts.count), whose times are added up; the last took \(Format.duration(seconds: last.total))"
        ]
    }

    private static func headNotes(_ results: RunResults) -> [String] {
        if let mode = results.networkMode {
            return [
                "heads  whole networks, \(mode); their logits are kept in journal.sqlite, no weights in model.safetensors"
            ]
        }
        guard let optimum = results.optimum, let certified = results.heads.certified else {
            return []
        }
        let count = results.heads.trained + results.heads.resumed
        let rows = optimum.crossValidationRows.map { " on \(Format.count($0)) rows" } ?? ""
        let origin =
            optimum.validation != nil
            ? "by validation rows\(rows.isEmpty ? "" : ", training\(rows)")"
            : optimum.crossValidation == nil ? "as given" : "by cross-validation\(rows)"
        let outcome =
            certified == count
            ? "certified at their optimum, gradients at most \(optimum.gradientTolerance)"
            : "certified (gradients at most \(optimum.gradientTolerance)); the largest gradient of the others is \(optimum.gradientMax)"
        return [
            "heads  \(Format.count(certified)) of \(Format.count(count)) \(outcome)",
            "l2     \(optimum.l2), \(origin)",
        ]
    }
}

extension RunResults {
    /// How a run of whole networks trained them; nil where heads were trained on frozen features.
    var networkMode: String? {
        guard case .string(let mode)? = config["head_mode"], mode != HeadMode.frozen.rawValue else {
            return nil
        }
        return mode
    }
}
