import Formats
import Hashing

/// What to load: which data set, from where, and which part of it.
package struct DatasetRequest: Sendable {
    /// Which data set.
    package var name: DatasetName
    /// The value of `--data-dir`.
    package var dataDirectory: String?
    /// Where `MANYHEADS_DATA` is looked up, if there is no data directory.
    package var environment: [String: String]
    /// The folder Debian's packages put data sets in; tests have one of their own.
    package var systemFolder = "/usr/share/datasets"
    /// Which classes are kept, and their new order.
    package var classes: ClassSelection
    /// Every how many training rows of the kept classes one is kept, at least 1.
    package var every: Int
    /// The share of the training rows of each class that is kept after that, in (0, 1].
    package var fraction: Double
    /// What the rows of ``fraction`` are drawn by.
    package var seed: UInt64
    /// Records in each file of CIFAR-10, which do not say it themselves; tests write smaller ones.
    package var cifarRecordsPerFile: Int

    /// The whole data set from where it is found, unless told otherwise.
    package init(
        _ name: DatasetName, dataDirectory: String? = nil, environment: [String: String] = [:],
        classes: ClassSelection = .all, every: Int = 1, fraction: Double = 1, seed: UInt64 = 0,
        cifarRecordsPerFile: Int = 10_000
    ) {
        self.name = name
        self.dataDirectory = dataDirectory
        self.environment = environment
        self.classes = classes
        self.every = every
        self.fraction = fraction
        self.seed = seed
        self.cifarRecordsPerFile = cifarRecordsPerFile
    }

    /// The folder that somebody named, which is searched first; nil without one.
    var namedFolder: String? {
        let folder = dataDirectory ?? environment["MANYHEADS_DATA"]
        return folder == "" ? nil : folder
    }

    /// A sentence for who named a folder and got data from another one; nil otherwise.
    package func note(on dataset: Dataset) -> String? {
        guard let named = namedFolder, !dataset.folder.hasPrefix(named) else { return nil }
        return "\(name) is not in \(named), so it is read from \(dataset.folder)"
    }
}

/// Labelled images to train on and to test on, in memory.
package struct Dataset: Sendable {
    /// What it is called: of a built-in data set its name on the command line.
    package let name: String
    /// The folder the files were read from.
    package let folder: String
    /// A name per class, in the order of the labels.
    package let classNames: [String]
    /// The stable key of each class: of a built-in data set its class number there.
    package let classKeys: [UInt64]
    /// What is trained on: the selected training rows.
    package let train: LabeledImages
    /// What is tested on: all test rows of the kept classes.
    package let test: LabeledImages
    /// Hexadecimal SHA-256 of the training pixels, the training labels
    /// (``LabeledImages/labelBytes``), the test pixels and the test labels, as they are here: after
    /// the selection.
    package let sha256: String

    /// How many classes there are.
    package var classCount: Int { classNames.count }

    /// Bytes of all pixels, and of all labels at a byte each.
    package var byteCount: Int {
        train.pixels.count + train.labels.count + test.pixels.count + test.labels.count
    }

    /// Finds, reads, checks and selects.
    ///
    /// In this order: the classes are kept and renumbered; of their training rows every Nth
    /// stays (the test set is never thinned); of those, per class, `ceil(fraction * n)` rows drawn
    /// by the seed stay, in the order of the data set. Pixels are held twice at most, while a
    /// selection of the training images is copied.
    ///
    /// - Throws: `.invalidRequest` for options that make no sense, and the other codes for files
    ///   that are missing or damaged and for classes left without a row.
    package static func load(_ request: DatasetRequest) throws(DatasetError) -> Dataset {
        try check(request)
        let name = request.name
        // Before any file is read: a typing mistake is answered at once.
        let classes = try request.classes.indices(classNames: name.classNames)
        let location = try DataFolders(request).locate()
        let allNames = try classNames(of: name, in: location.folder)
        let classNames = classes.map { allNames[$0] }

        let train = try select(
            try read(request, location.files, isTraining: true), request, classes,
            isTraining: true)
        let test = try select(
            try read(request, location.files, isTraining: false), request, classes,
            isTraining: false)
        try refuseEmptyClasses([("training", train), ("test", test)], classNames)
        guard train.shape == test.shape else {
            throw .countMismatch(
                "the training images in \(location.folder) are \(train.shape) and the test images "
                    + "\(test.shape); use files that belong together")
        }
        return Dataset(
            name: name.rawValue, folder: location.folder, classNames: classNames,
            classKeys: classes.map { UInt64($0) }, train: train, test: test)
    }

    /// A data set of images that are there already; traps unless both parts have one shape.
    ///
    /// - Parameters:
    ///   - classKeys: without them a class's index is its key.
    ///   - sha256: of the files that the images are from; nil for that of pixels and labels.
    package init(
        name: String, folder: String, classNames: [String], classKeys: [UInt64]? = nil,
        train: LabeledImages, test: LabeledImages, sha256: String? = nil
    ) {
        precondition(train.shape == test.shape)
        self.classKeys = classKeys ?? classNames.indices.map { UInt64($0) }
        precondition(self.classKeys.count == classNames.count)
        self.name = name
        self.folder = folder
        self.classNames = classNames
        self.train = train
        self.test = test
        self.sha256 = sha256 ?? Self.digest(train, test)
    }

    private static func digest(_ train: LabeledImages, _ test: LabeledImages) -> String {
        var hash = SHA256()
        for part in [train, test] {
            hash.update(part.pixels)
            hash.update(part.labelBytes)
        }
        return hexadecimal(hash.finalize())
    }

    private static func check(_ request: DatasetRequest) throws(DatasetError) {
        guard request.every >= 1 else {
            throw .invalidRequest(
                "cannot keep every \(request.every)th row; --every takes a number from 1")
        }
        // Written so that a NaN is refused as well.
        guard request.fraction > 0, request.fraction <= 1 else {
            throw .invalidRequest(
                "cannot keep a fraction of \(request.fraction) of the rows; --fraction takes a "
                    + "number above 0 and at most 1")
        }
        guard request.cifarRecordsPerFile >= 1 else {
            throw .invalidRequest("a CIFAR file has at least one record")
        }
    }

    private static func classNames(
        of name: DatasetName, in folder: String
    ) throws(DatasetError) -> [String] {
        guard name == .cifar10, let path = DataFolders.file("batches.meta.txt", in: folder) else {
            return name.classNames
        }
        return try reporting {
            try CIFARReader.readClassNames(path, classCount: name.classNames.count)
        }
    }

    /// One part of the data set, whole; `files` are in the order of ``DatasetName/fileNames``.
    private static func read(
        _ request: DatasetRequest, _ files: [String], isTraining: Bool
    ) throws(DatasetError) -> LabeledImages {
        let classCount = request.name.classNames.count
        return try reporting {
            switch request.name {
            case .fashionMNIST, .mnist:
                let first = isTraining ? 0 : 2
                return try IDXReader.read(
                    images: files[first], labels: files[first + 1], classCount: classCount)
            case .cifar10:
                let paths = isTraining ? files.dropLast() : files.suffix(1)
                return try CIFARReader.read(
                    Array(paths), recordCount: request.cifarRecordsPerFile, classCount: classCount)
            }
        }
    }

    /// Says the errors of readers as a data set's.
    private static func reporting<Result>(
        _ body: () throws -> Result
    ) throws(DatasetError) -> Result {
        do {
            return try body()
        } catch let error as FormatError {
            throw DatasetError(error)
        } catch let error as DatasetError {
            throw error
        } catch {
            preconditionFailure("readers throw nothing else: \(error)")
        }
    }

    private static func select(
        _ images: LabeledImages, _ request: DatasetRequest, _ classes: [Int], isTraining: Bool
    ) throws(DatasetError) -> LabeledImages {
        var selection = Selection(keeping: classes, of: images.labels)
        if isTraining {
            selection.keepEvery(request.every)
            selection.keepFraction(request.fraction, seed: request.seed)
        }
        return images.selecting(selection)
    }

    /// All at once: whoever leaves one out must not be told of the next.
    private static func refuseEmptyClasses(
        _ sets: [(set: String, images: LabeledImages)], _ classNames: [String]
    ) throws(DatasetError) {
        let empty = sets.map { set, images in
            let counts = images.classCounts(classCount: classNames.count)
            return (
                set: set,
                classes: counts.indices.filter { counts[$0] == 0 }
                    .map { (index: $0, name: classNames[$0]) }
            )
        }
        if empty.contains(where: { !$0.classes.isEmpty }) { throw .emptyClasses(empty) }
    }
}
