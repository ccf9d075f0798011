import Decoding
import Display
import Formats
import RunFolder
import Study

extension RunRecord {
    /// The table of a run, as standard output gets it.
    static func table(of results: RunResults) -> String {
        let schemes = results.schemes
        let rows: [(StudyScheme, RunResults.SchemeSummary?)] = [
            (.oneVsAll, schemes.oneVsAll), (.oneVsAllRefit, schemes.oneVsAllRefit),
            (.softVote, schemes.allVsAll), (.treeElimination, schemes.tree),
            (.hardVote, schemes.allVsAllHardVote), (.pairwiseCoupling, schemes.allVsAllCoupling),
            (.eliminationGraph, schemes.dag),
        ]
        return ResultsTable(
            rows: rows.compactMap { scheme, summary in
                summary.map {
                    ResultsTable.Row(
                        // The four of predictions.csv under their short names.
                        scheme: Scheme(rawValue: scheme.rawValue)?.title ?? scheme.title,
                        correct: $0.correct, total: results.data.testRows,
                        headCount: $0.heads, headsPerPrediction: $0.headsPerPrediction,
                        parameterCount: $0.parameters)
                }
            },
            notes: notes(results),
            digests: [
                ("features", results.digests.features), ("heads", results.digests.heads),
                ("predictions", results.digests.predictions),
            ],
            times: [
                ("data", results.timing.data), ("backbone", results.timing.backbone),
                ("features", results.timing.features), ("broadcast", results.timing.broadcast),
                ("heads", results.timing.heads), ("evaluate", results.timing.evaluate),
                ("total", results.timing.total),
            ]
        ).rendered()
    }

    private static func notes(_ results: RunResults) -> [String] {
        if let mode = results.networkMode {
            return [
                "heads  whole networks, \(mode); their logits are kept in journal.sqlite, no weights in model.safetensors"
            ]
        }
        guard let optimum = results.optimum, let certified = results.heads.certified else {
            return []
        }
        let count = results.heads.trained + results.heads.resumed
        let origin = optimum.crossValidation == nil ? "as given" : "by cross-validation"
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

extension StudyScheme {
    /// What it costs to train and to ask, for heads over so many features.
    func cost(
        classCount: Int, featureCount: Int
    ) -> (headCount: Int, headsPerPrediction: Int, parameterCount: Int) {
        let scheme: Scheme =
            switch self {
            case .oneVsAll, .oneVsAllEqualSteps: .oneVsAll
            case .oneVsAllRefit: .oneVsAllRefit
            case .softVote, .hardVote, .pairwiseCoupling, .eliminationGraph: .allVsAll
            case .treeElimination: .treeElimination
            }
        let cost = scheme.cost(classCount: classCount, featureCount: featureCount)
        return (
            cost.headCount,
            // It decides by one head for each class that leaves.
            self == .eliminationGraph ? classCount - 1 : cost.headsPerPrediction,
            cost.parameterCount
        )
    }
}
