import Decoding
import Formats
import Heads
import ImageData
import LeNet
import Model
import Numerics
import ONNX
import Prediction
package import System

/// `coordinator export`: a model as a file of other tools.
package struct ExportProgram: Sendable {
    private let options: ExportOptions
    private let format: ExportOptions.Format
    private let outputs: [ClassifierGraph.Output]

    /// An export of these options.
    ///
    /// - Throws: `usage` with one sentence for what cannot be asked.
    package init(_ options: ExportOptions) throws(RunError) {
        self.options = options
        format = try options.resolvedFormat()
        outputs = try options.graphOutputs()
    }

    /// Reads the model, writes the file, and says what is in it.
    ///
    /// - Throws: `RunError` with the exit status and one sentence.
    package func run() throws(RunError) {
        do {
            try OutputFile.check(
                options.output, isNone: [(try OpenedModel.path(options.model), "the model")])
            let model = try OpenedModel.read(options.model)
            // Its checks are those of predictions, and so is the scheme of whoever names none.
            let predictor = try Predictor(model, scheme: options.scheme, threadCount: 1)
            let report =
                switch format {
                case .onnx: try writeGraph(model, predictor)
                case .npz: try writeArrays(model, predictor)
                }
            try StandardStream.output(
                options.printsJSON ? JSONValue.object(report.json).text + "\n" : report.text + "\n")
        } catch let error as PredictionError {
            throw RunError(
                error.fault == .request ? .usage : .data, "\(options.model): \(error.message)")
        } catch let error as DecodingError {
            throw RunError(.data, "\(options.model): \(error.message)")
        } catch {
            throw CoordinatorProgram.runError(error)
        }
    }

    private func writeGraph(_ model: Model, _ predictor: Predictor) throws -> ExportReport {
        let scheme = predictor.scheme
        let graph = ClassifierGraph(
            labels: .init(model.classNames), input: try input(model),
            rule: try rule(model, scheme),
            calibration: predictor.calibration.map {
                ClassifierGraph.Calibration(
                    temperature: $0.temperature,
                    smoothing: ClassScore(scheme, classCount: model.classCount).smoothing ?? 0)
            })
        let file = try graph.file(
            outputs: outputs, version: Release.version,
            metadata: [
                ("manyheads.scheme", scheme.rawValue),
                (
                    "manyheads.classes",
                    JSONValue.array(model.classNames.map { .string($0) }).text
                ),
            ] + model.metadata.sorted { $0.key < $1.key }.map { ("manyheads.model." + $0, $1) })
        try file.write(to: options.output)
        return ExportReport(file: options.output, scheme: scheme, graph: file)
    }

    private func input(_ model: Model) throws(RunError) -> ClassifierGraph.Input {
        switch model.input {
        case .features(let count)?: return .features(count: count, model.normalization)
        case .images(let shape)?:
            // All but the output layer, which is a head.
            let tensors = (model.backbone?.tensors ?? []).dropLast(2)
            return .images(
                ImageLayers(
                    channelCount: shape.channelCount, height: shape.height, width: shape.width,
                    tensors: tensors.map { GraphTensor($0.shape, .floats($0.values)) }))
        case nil: throw RunError(.data, "\(options.model) does not say what its rows are")
        }
    }

    private func rule(_ model: Model, _ scheme: Scheme) throws -> ClassifierGraph.Rule {
        let heads = try ExportedHeads(model)
        // In the order of the graph: (0,1), (0,2), (1,2) and so on.
        func pairs() throws -> LinearLayer {
            try heads.pairs(
                (1..<model.classCount).flatMap { second in
                    (0..<second).map { (first: $0, second: second) }
                })
        }
        switch scheme {
        case .oneVsAll, .oneVsAllEqualSteps, .oneVsAllRefit: return .whole(try heads.whole(scheme))
        case .oneVsRest: return .rest(try heads.rests(0..<model.classCount))
        case .softVote: return .pairs(.softVote, try pairs())
        case .hardVote: return .pairs(.hardVote, try pairs())
        case .pairwiseCoupling: return .pairs(.coupling, try pairs())
        case .eliminationGraph: return .pairs(.elimination, try pairs())
        case .shortlist:
            return .shortlist(
                Scheme.shortlistClassCount, whole: try heads.whole(.oneVsAll), pairs: try pairs())
        case .treeElimination:
            guard model.classCount <= HeadPlan.subsetClassCountMax else {
                throw RunError(
                    .data,
                    "a graph of the tree has all subsets, and of \(model.classCount) classes they are too many; export another --scheme"
                )
            }
            return .tree(try heads.subsets())
        }
    }
}

extension ExportProgram {
    /// What scikit-learn calls them, as far as it has them.
    private func writeArrays(_ model: Model, _ predictor: Predictor) throws -> ExportReport {
        let scheme = predictor.scheme
        let heads = try ExportedHeads(model)
        var arrays: [NPZ.Array] = []
        switch scheme.asks {
        case .subsets, .outputAndPairs:
            throw RunError(
                .usage,
                "an .npz holds one layer or heads of two outputs, and \(scheme.title) asks more; export another --scheme, or --format onnx"
            )
        case .output, .allClasses:
            let layer = try heads.whole(scheme)
            arrays += Self.arrays(model.classCount == 2 ? Self.binary(layer) : layer)
        case .rest:
            // Of two classes OneVsRestClassifier has one estimator, of the second.
            arrays += Self.arrays(
                try heads.rests(model.classCount == 2 ? 1..<2 : 0..<model.classCount))
        case .pairs:
            // In the order of OneVsOneClassifier, whose estimators say how far the second class leads.
            let pairs = (0..<model.classCount).flatMap { first in
                (first + 1..<model.classCount).map { (first: first, second: $0) }
            }
            arrays += Self.arrays(
                try heads.pairs(pairs.map { (first: $0.second, second: $0.first) }))
            arrays.append(
                NPZ.Array("pairs_", .pairs(pairs.map { (Int64($0.first), Int64($0.second)) })))
        }
        switch ClassifierGraph.Labels(model.classNames) {
        case .integers(let values): arrays.append(NPZ.Array("classes_", .integers(values)))
        case .texts(let texts): arrays.append(NPZ.Array("classes_", .texts(texts)))
        }
        if case .standardize(let means, let scales) = model.normalization {
            arrays.append(NPZ.Array("mean_", .doubles(means)))
            arrays.append(NPZ.Array("scale_", .doubles(scales)))
        }
        arrays.append(NPZ.Array("normalize", .texts([model.normalization.kind.rawValue])))
        arrays.append(NPZ.Array("temperature", .doubles([predictor.calibration?.temperature ?? 1])))
        try NPZ.write(arrays, to: options.output)
        return ExportReport(file: options.output, scheme: scheme, arrays: arrays)
    }

    private static func arrays(_ layer: LinearLayer) -> [NPZ.Array] {
        [NPZ.Array("coef_", .rows(layer.weights)), NPZ.Array("intercept_", .floats(layer.biases))]
    }

    /// One row for two classes: how far the second leads.
    private static func binary(_ layer: LinearLayer) -> LinearLayer {
        LinearLayer(
            weights: FloatRows(rowCount: 1, columnCount: layer.weights.columnCount) { _ in
                zip(layer.weights[1], layer.weights[0]).map { $0 - $1 }
            }, biases: [layer.biases[1] - layer.biases[0]])
    }
}
