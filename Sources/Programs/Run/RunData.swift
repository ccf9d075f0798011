import Display
import FeatureSource
import Formats
import ImageData
import LeNet
import Model
import Numerics
import Sessions
import System

/// What a run is about: labelled rows to train on, to choose by and to test on, and their classes.
struct RunData: Sendable {
    /// What is classified.
    enum Rows: Sendable {
        /// Images, on which a backbone is trained.
        case images(Dataset, validation: LabeledImages)
        /// Features of any other backbone, `[sample, feature]`, in files of the user's own.
        case features(
            train: any FeatureRows, validation: any FeatureRows, test: any FeatureRows)
    }

    private(set) var rows: Rows
    /// For people and folders.
    let name: String
    /// A name per class.
    private(set) var classNames: [String]
    /// The stable key of each class.
    private(set) var classKeys: [UInt64]
    /// A class per training row.
    private(set) var trainLabels: [Int]
    /// A class per validation row; none without validation rows.
    private(set) var validationLabels: [Int]
    /// A class per test row; none without test rows.
    private(set) var testLabels: [Int]
    /// What each training row weighs in a head's loss, finite and not negative; nil where all weigh 1.
    private(set) var trainWeights: [Float]?
    /// The same of validation rows that are held out of the training rows.
    private(set) var validationWeights: [Float]?
    /// What was done to the features.
    private(set) var normalization = Normalization.none
    /// Classes whose one row is not held out.
    private(set) var wholeClasses: [String] = []
    /// Of everything that was read, hexadecimal.
    let sha256: String
    /// Bytes of training features that are held in memory at most: of more, pieces are.
    private let heldByteCountMax: Int
    /// What a person should know of how the files are read, a sentence each.
    let notes: [String]

    /// Reads a data set, or the user's own files, and takes the rows that the options ask for.
    ///
    /// - Parameter onBlock: called while a large file is read, with the share of it that is done; may throw.
    /// - Throws: `DatasetError`, `FormatError` or `RunError`, one sentence that names the file or the
    ///   option and the cure.
    static func load(
        _ options: RunOptions,
        onBlock: (_ share: Double) throws(FormatError) -> Void = { _ in }
    ) throws -> RunData {
        var data =
            if let request = options.userData {
                RunData(try UserData.load(request, onBlock: onBlock), request)
            } else { RunData(try Dataset.load(options.datasetRequest)) }
        try data.select(options)
        try data.normalize(options, onBlock)
        return data
    }

    private init(_ dataset: Dataset) {
        rows = .images(
            dataset, validation: LabeledImages(shape: dataset.train.shape, pixels: [], labels: []))
        name = dataset.name
        classNames = dataset.classNames
        classKeys = dataset.classKeys
        trainLabels = dataset.train.labels
        validationLabels = []
        testLabels = dataset.test.labels
        sha256 = dataset.sha256
        heldByteCountMax = .max
        notes = []
    }

    private init(_ data: UserData, _ request: UserDataRequest) {
        switch data.rows {
        case .features(let train, let val, let test):
            let none = Matrix(rowCount: 0, columnCount: train.columnCount)
            rows = .features(train: train, validation: val ?? none, test: test ?? none)
        case .images(let train, let val, let test):
            let none = LabeledImages(shape: train.shape, pixels: [], labels: [])
            let dataset = Dataset(
                name: data.name, folder: request.train, classNames: data.classNames,
                classKeys: data.classKeys, train: train, test: test ?? none, sha256: data.sha256)
            rows = .images(dataset, validation: val ?? none)
        }
        name = data.name
        classNames = data.classNames
        classKeys = data.classKeys
        trainLabels = data.trainLabels
        validationLabels = data.valLabels ?? []
        testLabels = data.testLabels ?? []
        trainWeights = data.trainWeights
        sha256 = data.sha256
        heldByteCountMax = data.heldByteCountMax
        notes = data.remarks
    }

    /// Checks that a run on these rows has memory enough, where a limit is set: the features as they
    /// are made, grouped, cut into chunks and kept.
    ///
    /// - Throws: `unavailable` with one sentence that names the limit.
    func checkMemory() throws(RunError) {
        let parts = featureParts
        let heldByteCount = parts.reduce(0) { $0 + ($1.held == nil ? 0 : $1.byteCount) }
        let imageCount = trainLabels.count + validationLabels.count + testLabels.count
        let byteCount =
            parts.isEmpty
            ? imageCount * BackboneConfiguration.featureCount * MemoryLayout<Float>.size
            : heldByteCount
        try SystemLimit.checkMemory(
            Self.runByteCount
                + (holdsFeatures ? 4 * byteCount : byteCount + Self.streamedByteCount),
            reserved: Self.runReservedByteCount)
    }

    /// Training, validation and test rows of features; none of images.
    private var featureParts: [any FeatureRows] {
        guard case .features(let train, let validation, let test) = rows else { return [] }
        return [train, validation, test]
    }

    /// Whether all training features are in memory, rather than read in pieces.
    var holdsFeatures: Bool {
        guard let train = featureParts.first else { return true }
        return train.held != nil && train.byteCount <= heldByteCountMax
    }

    /// What reading features in pieces takes.
    private static let streamedByteCount = 160 << 20

    /// What a run takes besides its rows: code and buffers of oneDNN, stacks, the journal.
    private static let runByteCount = 96 << 20
    /// Addresses that the allocator takes for each thread and does not use.
    private static let runReservedByteCount = 576 << 20

    /// How many classes there are.
    var classCount: Int { classNames.count }

    /// Whether there are rows to choose by.
    var hasValidation: Bool { !validationLabels.isEmpty }

    /// The images, where there are any.
    var images: Dataset? {
        if case .images(let dataset, _) = rows { dataset } else { nil }
    }
}

extension RunData {
    /// Keeps what the options ask for: classes and rows of the user's own files (of a data set they are
    /// kept already), then validation rows out of the training rows; and takes in what rows weigh.
    private mutating func select(_ options: RunOptions) throws {
        guard options.holdout == nil || !hasValidation else {
            throw RunError.usage(
                "--holdout takes validation rows out of the training rows, and \(options.userData?.train ?? name) has some already; give one of them"
            )
        }
        let isUsers = options.userData != nil
        let takesAll =
            !isUsers || options.classes == .all && options.every == 1 && options.fraction == 1
        if takesAll, options.holdout == nil { return try checkClasses(options) }
        let classes =
            isUsers
            ? try options.classes.indices(classNames: classNames) : Array(classNames.indices)
        let names = classes.map { classNames[$0] }
        let keys = classes.map { classKeys[$0] }
        var train = Selection(keeping: classes, of: trainLabels, classKeys: keys)
        if isUsers {
            train.keepEvery(options.every)
            train.keepFraction(options.fraction, seed: options.seed)
        }
        var validation = Selection(keeping: classes, of: validationLabels)
        if let share = options.holdout {
            let counts = train.classCounts
            wholeClasses = counts.indices.filter { counts[$0] == 1 }.map { names[$0] }
            validation = train.holdOut(share, seed: options.seed)
        }
        weigh(options, train, validation)
        (classNames, classKeys) = (names, keys)
        try take(
            train, validation, Selection(keeping: classes, of: testLabels),
            isHeldOut: options.holdout != nil)
        try checkClasses(options)
    }

    private mutating func weigh(
        _ options: RunOptions, _ train: Selection, _ validation: Selection
    ) {
        guard let weights = trainWeights else { return }
        trainWeights = train.rows.map { weights[$0] }
        if options.holdout != nil { validationWeights = validation.rows.map { weights[$0] } }
    }

    /// Takes these rows in their order; few rows of a large file are read into memory.
    ///
    /// - Parameter isHeldOut: whether validation rows are among the training rows.
    private mutating func take(
        _ train: Selection, _ validation: Selection, _ test: Selection, isHeldOut: Bool
    ) throws {
        switch rows {
        case .features(let trained, let validated, let tested):
            let chosen = try trained.selecting(train.rows).held(upTo: heldByteCountMax)
            let share = UserDataRequest.askedByteCountMax(
                heldByteCountMax, beside: chosen)
            rows = .features(
                train: chosen,
                validation: try (isHeldOut ? trained : validated).selecting(validation.rows)
                    .held(upTo: share),
                test: try tested.selecting(test.rows).held(upTo: share))
        case .images(let dataset, let validated):
            rows = .images(
                Dataset(
                    name: dataset.name, folder: dataset.folder, classNames: classNames,
                    classKeys: classKeys, train: dataset.train.selecting(train),
                    test: dataset.test.selecting(test), sha256: sha256),
                validation: (isHeldOut ? dataset.train : validated).selecting(validation))
        }
        (trainLabels, validationLabels, testLabels) = (
            train.labels, validation.labels, test.labels
        )
    }

    /// - Throws: `data` for a class of which nothing is left to train on.
    private func checkClasses(_ options: RunOptions) throws(RunError) {
        var counts = [Int](repeating: 0, count: classCount)
        for (row, label) in trainLabels.enumerated() where trainWeights?[row] != 0 {
            counts[label] += 1
        }
        let empty = counts.indices.filter { counts[$0] == 0 }.map { classNames[$0] }
        guard let first = empty.first else { return }
        let weights = options.userData?.sampleWeights
        throw RunError(
            .data,
            "\(empty.count == 1 ? "class \(first) has" : "\(empty.count.counted("class")), the first of them \(first), have") no training rows left\(weights == nil ? "" : " that weigh anything"): \(weights.map { "give one of them a weight above 0 in \($0), " } ?? "")keep more rows (--every, --fraction), or leave such classes out by --classes"
        )
    }

    /// Normalises the features by what the training rows say.
    ///
    /// - Throws: `usage` for images, and `data` for rows that are no numbers any more; what reading rows
    ///   and `onBlock` throw.
    private mutating func normalize(
        _ options: RunOptions, _ onBlock: (_ share: Double) throws(FormatError) -> Void
    ) throws {
        guard options.normalization != .none else { return }
        guard case .features(var train, var validation, var test) = rows else {
            throw RunError.usage(
                "--normalize is of features, and \(options.userData?.train ?? name) holds images, which the backbone takes as they are; leave it out"
            )
        }
        // Lets go of the rows, so that each is changed in its place.
        rows = .features(
            train: Matrix(rowCount: 0, columnCount: 0),
            validation: Matrix(rowCount: 0, columnCount: 0),
            test: Matrix(rowCount: 0, columnCount: 0))
        normalization = try Self.normalization(options, train, trainWeights, onBlock)
        try Self.apply(normalization, to: &train, "training", onBlock)
        try Self.apply(normalization, to: &validation, "validation", onBlock)
        try Self.apply(normalization, to: &test, "test", onBlock)
        rows = .features(train: train, validation: validation, test: test)
    }

    /// What the training rows ask for, or what a former run did whose heads are taken over.
    private static func normalization(
        _ options: RunOptions, _ train: any FeatureRows, _ weights: [Float]?,
        _ onBlock: (_ share: Double) throws(FormatError) -> Void
    ) throws -> Normalization {
        guard let folder = options.from else {
            return try Normalization(
                options.normalization, fittedTo: train, weights: weights, onBlock: onBlock)
        }
        let former = try OpenedModel.read(folder).normalization
        guard former.kind == options.normalization, former.fits(featureCount: train.columnCount)
        else {
            throw RunError.usage(
                "\(folder), whose heads are to be taken over, has --normalize \(former.kind.rawValue), of other features maybe; give the same rows and the same --normalize"
            )
        }
        return former
    }

    private static func apply(
        _ normalization: Normalization, to rows: inout any FeatureRows, _ what: String,
        _ onBlock: (_ share: Double) throws(FormatError) -> Void
    ) throws {
        normalization.apply(to: &rows)
        // No value of a row of length 1 is too large, and reading a file takes its time.
        guard normalization.kind == .standardize else { return }
        let (rowCount, columnCount) = (rows.rowCount, rows.columnCount)
        try unsafe rows.forEachBlock { block, values in
            try onBlock(Double(block.lowerBound) / Double(rowCount))
            guard let place = unsafe values.firstIndex(where: { !$0.isFinite }) else { return }
            throw RunError(
                .data,
                "after --normalize \(normalization.kind.rawValue) \(what) row \(block.lowerBound + place / columnCount), column \(place % columnCount) (both counted from 0, of the rows kept) is too large for a float32; leave that column out"
            )
        }
    }
}

extension Console {
    /// Says where the rows of a run come from, if that is not the folder that was named.
    func note(_ options: RunOptions, _ data: RunData) {
        if options.userData == nil, let dataset = data.images {
            note(options.datasetRequest, dataset)
        }
        for note in data.notes { log(.info, note) }
    }

    /// Says where a data set comes from, if that is not the folder that was named.
    func note(_ request: DatasetRequest, _ dataset: Dataset) {
        if let note = request.note(on: dataset) { log(.warning, note) }
    }
}
