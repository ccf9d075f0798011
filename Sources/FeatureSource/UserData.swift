package import Formats
package import ImageData
package import Numerics

/// A user's own rows and labels: in memory, but for features that take much of it.
package struct UserData: Sendable {
    /// What is classified.
    package enum Rows: Sendable {
        /// Rows `[sample, feature]` of equally many columns, all finite.
        case features(train: any FeatureRows, test: (any FeatureRows)?)
        /// Images of one shape.
        case images(train: LabeledImages, test: LabeledImages?)
    }

    /// The rows, training and test.
    package let rows: Rows
    /// The class of each training row.
    package let trainLabels: [Int]
    /// The class of each test row; nil without test rows.
    package let testLabels: [Int]?
    /// A name per class: its label, by number or in the order of code points.
    package let classNames: [String]
    /// A key per class that depends on its label alone, see `ClassLabels`.
    package let classKeys: [UInt64]
    /// Hexadecimal SHA-256 of what was read: of the training rows, their labels, the test rows and their
    /// labels, each as a byte 0 to 3, the name of its array in an archive and a zero byte, and the
    /// SHA-256 of its file.
    package let sha256: String
    /// The name of the training rows' file without its ending: a name for folders.
    package let name: String
    /// As the request has it: training rows that take more are not held in memory a second time.
    package let heldByteCountMax: Int
    /// What a person should know of how the files are read, a sentence each.
    package let notes: [String]

    /// Reads and checks everything.
    ///
    /// Rows of two axes are features, numbers of any type; of three axes of bytes `[sample, row,
    /// column]`, or four with 1 to 4 channels at the end, they are images of at least 8 by 8 pixels.
    /// With `kind` of features, all axes after the first are columns. No row is held twice. Features of
    /// more than ``UserDataRequest/heldByteCountMax`` stay in their file, if its rows lie there one after
    /// the other.
    ///
    /// - Parameter onBlock: called before a block of such a file is read, with the share of the file that
    ///   is done; may throw.
    /// - Throws: `FormatError`, one sentence that names the file, the row if it is about one, and the
    ///   cure: for files that cannot be read or are damaged, rows without labels, labels without rows,
    ///   values that are not finite, test rows that do not fit the training rows, and test labels that
    ///   no training row has.
    package static func load(
        _ request: UserDataRequest,
        onBlock: (_ share: Double) throws(FormatError) -> Void = { _ in }
    ) throws(FormatError) -> UserData {
        let files = try UserFiles(request)
        let trainColumn = try files.trainLabels.labels()
        let classes = try ClassLabels(training: trainColumn)
        let trainLabels = try classes.labels(trainColumn)
        // Labels are small: those of both parts are checked before the rows are read.
        var testLabels: [Int]?
        if let file = files.testLabels { testLabels = try classes.labels(file.labels()) }
        let train = try Part(files.train, trainLabels, labelPath: trainColumn.path, request)
        var test: Part?
        let limit = request.heldByteCountMax
        var request = request
        // Rows that are asked about take little beside those that are trained on, wherever these are.
        if train.isInPlace { request.heldByteCountMax /= 8 }
        if let file = files.test, let testLabels, let labelFile = files.testLabels {
            test = try Part(file, testLabels, labelPath: labelFile.description, request)
        }
        let parts =
            [(files.train, train)]
            + (files.test.flatMap { file in test.map { [(file, $0)] } } ?? [])
        return UserData(
            rows: try rows(train, test, files), trainLabels: trainLabels, testLabels: testLabels,
            classNames: classes.names, classKeys: classes.keys,
            sha256: try files.digest(known: checkedDigests(parts, onBlock)), name: files.train.stem,
            heldByteCountMax: limit, notes: parts.compactMap { $1.note(on: $0, request) })
    }

    /// The rows of training or test.
    private enum Part {
        case features(any FeatureRows)
        case images(LabeledImages)

        init(
            _ file: UserFile, _ labels: [Int], labelPath: String, _ request: UserDataRequest
        ) throws(FormatError) {
            var array = try file.array()
            let shape = array.header.shape
            guard shape.first == labels.count else {
                throw .malformed(
                    file.description,
                    "it has \((shape.first ?? 0).counted("row")), and \(labelPath) has \(labels.count.counted("label")); use two files that belong together"
                )
            }
            guard labels.count <= Int(Int32.max) else {
                throw .malformed(
                    file.description,
                    "it has \(labels.count.counted("row")), and \(Int32.max) are read at most; leave some out"
                )
            }
            let isImages = request.kind.map { $0 == .images } ?? (shape.count > 2)
            guard isImages else {
                if let rows = array.rowsInPlace, rows.byteCount > request.heldByteCountMax {
                    self = .features(rows)
                } else {
                    self = .features(try array.matrix())
                }
                return
            }
            let imageShape = try Self.imageShape(shape, file)
            let axes = shape.count == 4 ? [0, 3, 1, 2] : [0, 1, 2]
            self = .images(
                LabeledImages(
                    shape: imageShape, pixels: try array.bytes(axes: axes), labels: labels))
        }

        /// Says so where much memory is taken that another file would not take.
        func note(on file: UserFile, _ request: UserDataRequest) -> String? {
            guard case .features(let rows) = self, rows.held != nil,
                rows.byteCount > request.heldByteCountMax
            else { return nil }
            return
                "\(file) is compressed, or its columns lie one after the other (Fortran order), so all of its \(rows.byteCount >> 20) MiB of features are held in memory; np.save(\"x.npy\", np.ascontiguousarray(x)) makes a file that is read in pieces"
        }

        /// Whether the rows stay in their file.
        var isInPlace: Bool {
            if case .features(let rows) = self { rows.held == nil } else { false }
        }

        private static let sideMax = 4_096

        private static func imageShape(
            _ shape: [Int], _ file: UserFile
        ) throws(FormatError) -> ImageShape {
            let channelCount = shape.count == 4 ? shape[3] : 1
            guard shape.count == 3 || shape.count == 4, (1...4).contains(channelCount) else {
                let isChannelsFirst = shape.count == 4 && (1...4).contains(shape[1])
                throw .malformed(
                    file.description,
                    "its shape is \(shape), where images are [sample, row, column] or [sample, row, column, channel] of 1 to 4 channels; "
                        + (isChannelsFirst
                            ? "save x.transpose(0, 2, 3, 1)"
                            : "for features save x.reshape(len(x), -1)"))
            }
            guard (8...sideMax).contains(shape[1]), (8...sideMax).contains(shape[2]) else {
                throw .malformed(
                    file.description,
                    "its images are of \(shape[1]) by \(shape[2]) pixels, where 8 to \(sideMax) a side are read; for features save x.reshape(len(x), -1)"
                )
            }
            return ImageShape(channelCount: channelCount, height: shape[1], width: shape[2])
        }
    }

    /// The SHA-256 of files that stay where they are, by path, their values being checked on the way.
    private static func checkedDigests(
        _ parts: [(file: UserFile, part: Part)],
        _ onBlock: (_ share: Double) throws(FormatError) -> Void
    ) throws(FormatError) -> [String: [UInt8]] {
        var digests: [String: [UInt8]] = [:]
        for (file, part) in parts {
            guard case .features(let rows) = part, let rows = rows as? NPYRows else { continue }
            digests[file.path] = try rows.checkedSHA256(onBlock: onBlock)
        }
        return digests
    }

    private static func rows(
        _ train: Part, _ test: Part?, _ files: UserFiles
    ) throws(FormatError) -> Rows {
        let testPath = files.test?.description ?? ""
        switch (train, test) {
        case (.features(let train), nil): return .features(train: train, test: nil)
        case (.images(let train), nil): return .images(train: train, test: nil)
        case (.features(let train), .features(let test)?):
            guard train.columnCount == test.columnCount else {
                throw .malformed(
                    testPath,
                    "its rows have \(test.columnCount.counted("feature")), and those of \(files.train) have \(train.columnCount); use files of one kind"
                )
            }
            return .features(train: train, test: test)
        case (.images(let train), .images(let test)?):
            guard train.shape == test.shape else {
                throw .malformed(
                    testPath,
                    "its images are \(test.shape), and those of \(files.train) are \(train.shape); use files of one kind"
                )
            }
            return .images(train: train, test: test)
        case (.features, .images?), (.images, .features?):
            throw .malformed(
                testPath,
                "one of it and \(files.train) holds images, the other features; use files of one kind"
            )
        }
    }
}
