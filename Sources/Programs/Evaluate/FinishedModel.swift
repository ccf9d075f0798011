import Decoding
import Formats
import Foundation
import Heads
import ImageData
import LeNet
import Model
import Numerics
import RunFolder
import System

/// A finished run, read back from its files: all that evaluating takes.
struct FinishedModel {
    let results: RunResults
    let model: Model
    /// The backbone's output layer; nil where features came from files.
    let output: Head?
    /// The run's heads; those it could not train are taken from the backbone's own outputs.
    let heads: HeadBank
    private let folder: String

    /// Test features and their labels.
    struct TestSet {
        /// `[sample, feature]`.
        let features: Matrix
        let labels: [Int]
        /// Whether they came from the run's .npy files, rather than from the data.
        let isSaved: Bool
    }

    var classCount: Int { model.classCount }

    /// Reads model and results.
    ///
    /// - Throws: `FormatError`, `RunError` or `DecodingError` for a run that is not finished, or
    ///   files that are damaged or do not belong together.
    init(folder: String) throws {
        self.folder = folder
        guard
            FileManager.default.fileExists(
                atPath: RunDirectory.path(of: .results, in: folder))
        else {
            throw RunError(
                .data, "\(folder) holds no results.json; give the folder of a finished run")
        }
        results = try RunDirectory.readResults(in: folder)
        if let mode = results.networkMode {
            throw RunError(
                .data,
                "\(folder) is a run of whole networks (--head-mode \(mode)), whose weights are not kept; its results.json has all schemes"
            )
        }
        let path = RunDirectory.path(of: .model, in: folder)
        // Results of an earlier version know the heads alone.
        if results.digest(of: .model) != nil {
            try RunDirectory.verify(.model, in: folder, results)
        }
        model = try Model(contentsOf: path)
        guard RunDigests.heads(model.heads) == results.digests.heads,
            model.classCount == results.data.classes
        else {
            throw RunError(.data, "\(path) is not of the run whose results.json lies beside it")
        }
        let output = model.backbone?.outputHead
        let classCount = results.data.classes
        var found = model.heads
        for members in results.quarantine?.heads ?? [] {
            guard members.count >= 2, members.allSatisfy((0..<classCount).contains) else {
                throw RunError(
                    .data, "\(folder) names heads in results.json that there are no classes for")
            }
            // Without a backbone, schemes that need what is missing are left out.
            if let output { found.append(output.restricted(to: ClassSet(members))) }
        }
        self.output = output
        heads = try HeadBank(found)
    }

    /// Whether there are heads for elimination over subsets, rather than over pairs alone.
    var hasSubsets: Bool {
        SchemeDecoder.canEliminate(over: .all(classCount)) { heads.contains($0) }
    }

    /// The test features: as the run saved them, or by running the backbone over the data.
    ///
    /// - Throws: for files that are not the run's, or data that cannot be read.
    func testSet(_ options: EvaluateOptions) throws -> TestSet {
        guard results.data.testRows > 0 else {
            throw RunError(.data, "\(folder) is of a run without test rows; run it with --test")
        }
        let set = try savedTestSet() ?? computedTestSet(options)
        guard set.features.rowCount == results.data.testRows,
            set.labels.count == results.data.testRows,
            set.features.columnCount == model.featureCount,
            set.labels.allSatisfy({ (0..<classCount).contains($0) })
        else {
            throw RunError(
                .data,
                "the test features of \(folder) do not have the rows, columns or labels of its results.json"
            )
        }
        return set
    }

    /// What the run saved; nil without features and labels whose digests its results have.
    ///
    /// - Throws: `FormatError` that names a file that is not the run's.
    private func savedTestSet() throws(FormatError) -> TestSet? {
        let files = [RunDirectory.Artefact.testFeatures, .testLabels]
        let paths = files.map { RunDirectory.path(of: $0, in: folder) }
        guard paths.allSatisfy({ FileSystem.exists($0) }),
            files.allSatisfy({ results.digest(of: $0) != nil })
        else { return nil }
        for file in files { try RunDirectory.verify(file, in: folder, results) }
        return TestSet(
            features: try NPY.readMatrix(ByteSource(paths[0])),
            labels: try NPY.readLabels(ByteSource(paths[1])), isSaved: true)
    }

    private func computedTestSet(_ options: EvaluateOptions) throws -> TestSet {
        let data = try data(options)
        guard data.sha256 == results.data.sha256 else {
            throw RunError(
                .data,
                data.images == nil
                    ? "the files that \(folder) was trained on have changed; evaluate a run with --save-features"
                    : "the data in \(data.images?.folder ?? "") is not what \(folder) was trained on; say --data-dir"
            )
        }
        switch data.rows {
        case .features(_, _, let rows):
            var test = try rows.matrix()
            // As the run did, by what its training rows said.
            model.normalization.apply(to: &test)
            return TestSet(features: test, labels: data.testLabels, isSaved: false)
        case .images(let dataset, _):
            guard let weights = model.backbone else {
                throw RunError(
                    .data, "\(data.name) holds images, and the model in \(folder) reads features")
            }
            return TestSet(
                features: try features(of: dataset.test, weights, options),
                labels: data.testLabels, isSaved: false)
        }
    }

    private func features(
        of images: LabeledImages, _ weights: BackboneWeights, _ options: EvaluateOptions
    ) throws -> Matrix {
        let shape = images.shape
        var configuration = BackboneConfiguration(
            channelCount: shape.channelCount, height: shape.height, width: shape.width,
            classCount: classCount, seed: 0, threadCount: options.threads)
        if case .string(let name)? = results.config["precision"],
            let precision = BackbonePrecision(rawValue: name)
        {
            guard precision.isAvailable else {
                throw RunError(
                    .unavailable,
                    "\(folder) was run with --precision \(name), which this processor lacks; evaluate it where it was trained, or run it with --save-features"
                )
            }
            configuration.precision = precision
        }
        return try Backbone(configuration, weights: weights).features(pixels: images.pixels)
    }

    /// The run's rows, by its config; features as they are in their files.
    private func data(_ options: EvaluateOptions) throws -> RunData {
        guard var run = try RunOptions(rowsOf: results.config, threads: options.threads) else {
            throw RunError(.data, "the config in \(folder)/results.json does not say which data")
        }
        run.dataDirectory = options.dataDirectory ?? run.dataDirectory
        return try RunData.load(run)
    }
}
