import Display
import FeatureSource
import Formats
import ImageData
import LeNet
import Numerics
import Sessions
import System

/// What a run is about: labelled rows, training and test, and the classes that they are of.
enum RunData: Sendable {
    /// Images, on which a backbone is trained.
    case images(Dataset)
    /// Features of any other backbone, `[sample, feature]`, in files of the user's own.
    case features(UserData, train: any FeatureRows, test: any FeatureRows)

    /// Reads a data set, or the user's own files.
    ///
    /// - Parameter onBlock: called while a large file is read, with the share of it that is done; may throw.
    /// - Throws: `DatasetError` or `FormatError`, one sentence that names the file and the cure.
    static func load(
        _ options: RunOptions,
        onBlock: (_ share: Double) throws(FormatError) -> Void = { _ in }
    ) throws -> RunData {
        guard let request = options.userData else {
            return .images(try Dataset.load(options.datasetRequest))
        }
        return try load(request, onBlock: onBlock)
    }

    /// Reads the user's own files.
    ///
    /// - Throws: `FormatError`, one sentence that names the file and the cure.
    static func load(
        _ request: UserDataRequest,
        onBlock: (_ share: Double) throws(FormatError) -> Void = { _ in }
    ) throws(FormatError) -> RunData {
        let data = try UserData.load(request, onBlock: onBlock)
        switch data.rows {
        case .features(let train, let test):
            return .features(
                data, train: train,
                test: test ?? Matrix(rowCount: 0, columnCount: train.columnCount, values: []))
        case .images(let train, let test):
            return .images(
                Dataset(
                    name: data.name, folder: request.train, classNames: data.classNames,
                    classKeys: data.classKeys, train: train,
                    test: test ?? LabeledImages(shape: train.shape, pixels: [], labels: []),
                    sha256: data.sha256))
        }
    }

    /// Checks that a run on these rows has memory enough, where a limit is set: the features as they
    /// are made, grouped, cut into chunks and kept.
    ///
    /// - Throws: `unavailable` with one sentence that names the limit.
    func checkMemory() throws(RunError) {
        let featureCount =
            switch self {
            case .images: BackboneConfiguration.featureCount
            case .features(_, let train, _): train.columnCount
            }
        let rowCount = trainLabels.count + testLabels.count
        let featureByteCount = 4 * rowCount * featureCount * MemoryLayout<Float>.size
        try SystemLimit.checkMemory(
            Self.runByteCount + (holdsFeatures ? featureByteCount : Self.streamedByteCount),
            reserved: Self.runReservedByteCount)
    }

    /// Whether all features are in memory, rather than read in pieces.
    var holdsFeatures: Bool {
        guard case .features(let data, let train, _) = self else { return true }
        return train.held != nil && train.byteCount <= data.heldByteCountMax
    }

    /// What reading features in pieces takes.
    private static let streamedByteCount = 160 << 20

    /// What a run takes besides its rows: code and buffers of oneDNN, stacks, the journal.
    private static let runByteCount = 96 << 20
    /// Addresses that the allocator takes for each thread and does not use.
    private static let runReservedByteCount = 576 << 20

    /// For people and folders.
    var name: String {
        switch self {
        case .images(let dataset): dataset.name
        case .features(let data, _, _): data.name
        }
    }

    /// A name per class.
    var classNames: [String] {
        switch self {
        case .images(let dataset): dataset.classNames
        case .features(let data, _, _): data.classNames
        }
    }

    /// The stable key of each class.
    var classKeys: [UInt64] {
        switch self {
        case .images(let dataset): dataset.classKeys
        case .features(let data, _, _): data.classKeys
        }
    }

    /// How many classes there are.
    var classCount: Int { classNames.count }

    /// A class per training row.
    var trainLabels: [Int] {
        switch self {
        case .images(let dataset): dataset.train.labels
        case .features(let data, _, _): data.trainLabels
        }
    }

    /// A class per test row; none without test rows.
    var testLabels: [Int] {
        switch self {
        case .images(let dataset): dataset.test.labels
        case .features(let data, _, _): data.testLabels ?? []
        }
    }

    /// Of everything that was read, hexadecimal.
    var sha256: String {
        switch self {
        case .images(let dataset): dataset.sha256
        case .features(let data, _, _): data.sha256
        }
    }

    /// The images, where there are any.
    var images: Dataset? {
        if case .images(let dataset) = self { dataset } else { nil }
    }
}

extension Console {
    /// Says where the rows of a run come from, if that is not the folder that was named.
    func note(_ options: RunOptions, _ data: RunData) {
        if options.userData == nil, let dataset = data.images {
            note(options.datasetRequest, dataset)
        }
        if case .features(let files, _, _) = data {
            for note in files.notes { log(.info, note) }
        }
    }

    /// Says where a data set comes from, if that is not the folder that was named.
    func note(_ request: DatasetRequest, _ dataset: Dataset) {
        if let note = request.note(on: dataset) { log(.warning, note) }
    }
}
