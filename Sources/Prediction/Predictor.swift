package import Decoding
package import FeatureSource
import Heads
import LeNet
import LogitKernels
package import Model
package import Numerics

/// A model that answers by one scheme: rows in, calibrated probabilities out.
///
/// What it predicts for a row is the argmax of the row's probabilities, and depends on that row alone:
/// not on the rows beside it, on threads or on the CPU (a backbone's features on the kind of CPU).
/// Sharing a predictor between threads is safe; images are taken one call after the other.
package struct Predictor: Sendable {
    /// Above so many classes the shortlist is the default, where all-vs-all by coupling is below.
    private static let couplingClassCountMax = 64

    /// What is asked.
    package let model: Model
    /// How.
    package let scheme: Scheme
    /// What the scheme's probabilities go through; nil where no validation rows said anything.
    package let calibration: Calibration?
    private let heads: PreparedHeads
    /// The backbone's own outputs.
    private let output: PreparedHeads?
    /// Of no rows: heads are looked up once.
    private let decoder: SchemeDecoder
    private let featureCount: Int
    private let extractor: FeatureExtractor?

    /// A predictor by a scheme.
    ///
    /// - Parameters:
    ///   - scheme: nil takes the model's own choice, else ``defaultScheme(of:)``.
    ///   - threadCount: threads of a backbone, 1 or more.
    /// - Throws: ``PredictionError`` for a scheme that the model has no heads for, or a backbone that
    ///   cannot be used.
    package init(_ model: Model, scheme: Scheme? = nil, threadCount: Int) throws(PredictionError) {
        let sources: Sources
        do throws(DecodingError) { sources = try Sources(model) } catch {
            throw PredictionError(.data, "the model's heads do not fit: \(error.message)")
        }
        let asked = scheme ?? model.chosenScheme
        let available = sources.schemes(asked: asked)
        guard !available.isEmpty, let scheme = asked ?? Self.defaultScheme(of: available, model)
        else {
            throw PredictionError(
                .data, "the model has no heads that a scheme could ask; train with --heads pairs")
        }
        guard available.contains(scheme) else {
            throw PredictionError(
                .request,
                "the model has no heads for --scheme \(scheme.rawValue); it has those for \(available.map(\.rawValue).joined(separator: ", "))"
            )
        }
        do throws(DecodingError) { decoder = try sources.decoder([scheme]) } catch {
            throw PredictionError(.data, "the model's heads do not fit: \(error.message)")
        }
        heads = sources.heads
        output = sources.output
        featureCount = sources.none.columnCount
        self.model = model
        self.scheme = scheme
        calibration = model.calibrations[scheme]
        extractor = try model.backbone.map { (weights) throws(PredictionError) in
            try FeatureExtractor(weights, model, threadCount: threadCount)
        }
    }

    /// The schemes that a model can answer by, in the order of `Scheme.allCases`.
    ///
    /// - Throws: ``PredictionError`` for heads that do not fit together.
    package static func schemes(of model: Model) throws(PredictionError) -> [Scheme] {
        do throws(DecodingError) { return try Sources(model).schemes() } catch {
            throw PredictionError(.data, "the model's heads do not fit: \(error.message)")
        }
    }

    /// A model's heads, ready to be asked, and no rows.
    private struct Sources {
        let heads: PreparedHeads
        let output: PreparedHeads?
        let none: Matrix
        private let classes: ClassSet

        init(_ model: Model) throws(DecodingError) {
            heads = PreparedHeads(try HeadBank(model.heads))
            output = try model.backbone.map { (weights) throws(DecodingError) in
                PreparedHeads(try HeadBank([weights.outputHead]))
            }
            none = Matrix(rowCount: 0, columnCount: model.featureCount ?? 0)
            classes = .all(model.classCount)
        }

        /// In the order of `Scheme.allCases`; `asked` is what was asked for by name.
        func schemes(asked: Scheme? = nil) -> [Scheme] {
            guard let logits = try? HeadLogits(heads, none) else { return [] }
            return SchemeDecoder.available(
                classes: classes, heads: logits, hasOutput: output != nil, asked: asked)
        }

        func decoder(_ schemes: [Scheme]) throws(DecodingError) -> SchemeDecoder {
            try SchemeDecoder(
                schemes, classes: classes, heads: HeadLogits(heads, none),
                output: output.map { (heads) throws(DecodingError) in try HeadLogits(heads, none) })
        }
    }

    /// The scheme of whoever names none, where validation rows chose none: all-vs-all by coupling, of
    /// many classes the shortlist; of heads that are not all pairs the first that there is.
    private static func defaultScheme(of available: [Scheme], _ model: Model) -> Scheme? {
        let wanted =
            model.classCount <= couplingClassCountMax ? Scheme.pairwiseCoupling : .shortlist
        return available.contains(wanted) ? wanted : available.first
    }

    /// Features of the rows as heads read them: through the backbone, or normalised.
    ///
    /// - Returns: `[sample, feature]`.
    /// - Throws: ``PredictionError`` for rows of another kind or width than the model's.
    package func features(_ rows: InputRows) throws(PredictionError) -> Matrix {
        switch rows {
        case .features(var features):
            if let extractor {
                throw PredictionError(
                    .data,
                    "the model is asked about images of \(extractor.shape), and these rows are features; give images"
                )
            }
            guard features.columnCount == featureCount else {
                throw PredictionError(
                    .data,
                    "the rows have \(features.columnCount.counted("feature")), and the model's heads read \(featureCount)"
                )
            }
            model.normalization.apply(to: &features)
            return features
        case .images(let shape, let pixels):
            guard let extractor else {
                throw PredictionError(
                    .data,
                    "the model is asked about rows of \(featureCount.counted("feature")), and these rows are images; give features"
                )
            }
            return try extractor.features(pixels, shape)
        }
    }

    /// Probabilities of the classes for each row.
    ///
    /// - Throws: ``PredictionError`` for rows of another kind or width than the model's.
    package func probabilities(_ rows: InputRows) throws(PredictionError) -> ClassProbabilities {
        try probabilities(ofFeatures: features(rows))
    }

    /// Probabilities of the classes for rows of ``features(_:)``; a range of them may be asked on any
    /// thread.
    package func probabilities(
        ofFeatures features: Matrix, rows: Range<Int>? = nil
    ) throws(PredictionError) -> ClassProbabilities {
        try decoding(features) { (decoder) throws(DecodingError) in
            try decoder.probabilities(rows: rows)[0].calibrated(calibration, of: scheme)
        }
    }

    /// Asks the scheme's decoder of rows of features.
    func decoding<Answer>(
        _ features: Matrix, _ body: (SchemeDecoder) throws(DecodingError) -> Answer
    ) throws(PredictionError) -> Answer {
        do throws(DecodingError) {
            return try body(
                decoder.asking(
                    HeadLogits(heads, features),
                    output: output.map { (heads) throws(DecodingError) in
                        try HeadLogits(heads, features)
                    }))
        } catch {
            throw PredictionError(.data, "the model's heads do not fit: \(error.message)")
        }
    }
}
