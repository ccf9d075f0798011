package import Formats
package import ImageData
package import Numerics

/// A user's own rows and labels: in memory, but for features that take much of it.
package struct UserData: Sendable {
    /// What is classified.
    package enum Rows: Sendable {
        /// Rows `[sample, feature]` of equally many columns, all finite.
        case features(
            train: any FeatureRows, val: (any FeatureRows)?, test: (any FeatureRows)?)
        /// Images of one shape.
        case images(train: LabeledImages, val: LabeledImages?, test: LabeledImages?)
    }

    /// The rows: training, validation and test.
    package let rows: Rows
    /// The class of each training row.
    package let trainLabels: [Int]
    /// What each training row weighs, finite and not negative; nil if all weigh 1.
    ///
    /// A row of weight 0 counts as absent; a class may have no others.
    package let trainWeights: [Float]?
    /// The class of each test row; nil without test rows.
    package let testLabels: [Int]?
    /// The class of each validation row; nil without such rows.
    package let valLabels: [Int]?
    /// A name per class: its label, by number or in the order of code points.
    package let classNames: [String]
    /// A key per class that depends on its label alone, see `ClassLabels`.
    package let classKeys: [UInt64]
    /// Hexadecimal SHA-256 of what was read: of the files of the training rows, their labels, the test
    /// rows, their labels, the validation rows, their labels and the weights of the training rows, each
    /// as a byte 0 to 6, the name of its array in an archive and a zero byte, and the SHA-256 of the file.
    package let sha256: String
    /// The name of the training rows' file without its ending: a name for folders.
    package let name: String
    /// As the request has it: training rows that take more are not held in memory a second time.
    package let heldByteCountMax: Int
    /// What was taken as what where files do not say it, and which take much memory, for the user to read:
    /// sentences without a full stop.
    package let remarks: [String]

    /// Reads and checks everything.
    ///
    /// Rows of two axes are features, numbers of any type; of three axes of bytes `[sample, row,
    /// column]`, or four with 1 to 4 channels at the end, they are images of at least 8 by 8 pixels.
    /// With `kind` of features, all axes after the first are columns. No row is held twice:
    /// several files of training rows are read one after another into the same memory. Features of more
    /// than ``UserDataRequest/heldByteCountMax`` stay in their files, if rows lie there one after the other.
    ///
    /// - Parameter onBlock: called before a block of such a file is read, with the share of the file that
    ///   is done; may throw.
    /// - Throws: `FormatError`, one sentence that names the file, the row if it is about one, and the
    ///   cure: for files that cannot be read or are damaged, rows without labels, labels without rows,
    ///   values that are not finite, weights that are negative or of images, test rows
    ///   that do not fit the training rows, and test labels that no training row has.
    package static func load(
        _ request: UserDataRequest,
        onBlock: (_ share: Double) throws(FormatError) -> Void = { _ in }
    ) throws(FormatError) -> UserData {
        let files = try UserFiles(request)
        let parts = [files.train, files.test, files.val]
        // Labels are small: those in files of their own are checked before the rows are read.
        var own: [[LabelColumn]] = []
        for part in parts { own.append(try part?.ownLabels() ?? []) }
        var columns = zip(parts, own).map { part, files in
            part.flatMap { LabelColumn.joined(files, path: $0.labelDescription) }
        }
        if let train = columns[0] {
            let classes = try ClassLabels(training: train)
            for column in columns.dropFirst() { if let column { _ = try classes.labels(column) } }
        }
        var reading = TableReading(request, owner: files.train.description)
        var tables: [Table?] = []
        for (index, part) in parts.enumerated() {
            tables.append(
                try part.map { (part) throws(FormatError) in
                    try reading.table(of: part, own[index], &columns[index])
                })
        }
        guard let train = tables[0], let trainColumn = columns[0] else {
            throw UserFiles.noLabels(files.train.rows[0], files.train.what, files.train.option)
        }
        let classes = try ClassLabels(training: trainColumn)
        let labels = try columns.map { (column) throws(FormatError) in
            try column.map { (column) throws(FormatError) in try classes.labels(column) }
        }
        let trainLabels = labels[0] ?? []
        guard labels.allSatisfy({ $0?.count ?? 0 <= Int(Int32.max) }) else {
            throw .malformed(
                files.train.description,
                "it or the rows beside it are more than \(Int32.max); leave some out")
        }
        if let file = files.sampleWeights, case .images = train {
            throw .malformed(
                file.description,
                "it weighs the rows of \(files.train.description), which are images, and a backbone is trained on them without weights; give features, or do without"
            )
        }
        let weights = try files.sampleWeights.map { file throws(FormatError) in
            try file.weights(of: trainColumn)
        }
        return UserData(
            rows: Self.rows(train, tables[1], tables[2], labels.map { $0 ?? [] }),
            trainLabels: trainLabels, trainWeights: weights, testLabels: labels[1],
            valLabels: labels[2], classNames: classes.names, classKeys: classes.keys,
            sha256: try files.digest(known: checkedDigests(reading.inPlace, onBlock)),
            name: files.train.rows[0].stem, heldByteCountMax: request.heldByteCountMax,
            remarks: reading.remarks)
    }

    /// The SHA-256 of files that stay where they are, by path, their values being checked on the way.
    private static func checkedDigests(
        _ tables: [(file: UserFile, rows: NPYRows)],
        _ onBlock: (_ share: Double) throws(FormatError) -> Void
    ) throws(FormatError) -> [String: [UInt8]] {
        var digests: [String: [UInt8]] = [:]
        for (file, rows) in tables {
            digests[file.path] = try rows.checkedSHA256(onBlock: onBlock)
        }
        return digests
    }

    /// Rows of one shape, which was checked when they were opened.
    ///
    /// - Parameter labels: of the training, test and validation rows.
    private static func rows(
        _ train: Table, _ test: Table?, _ val: Table?, _ labels: [[Int]]
    ) -> Rows {
        func features(_ rows: Table?) -> (any FeatureRows)? {
            if case .features(let rows)? = rows { rows } else { nil }
        }
        func images(_ rows: Table?, _ labels: [Int]) -> LabeledImages? {
            guard case .images(let shape, let pixels)? = rows else { return nil }
            return LabeledImages(shape: shape, pixels: pixels, labels: labels)
        }
        switch train {
        case .features(let train):
            return .features(train: train, val: features(val), test: features(test))
        case .images(let shape, let pixels):
            return .images(
                train: LabeledImages(shape: shape, pixels: pixels, labels: labels[0]),
                val: images(val, labels[2]), test: images(test, labels[1]))
        }
    }
}

/// The rows for one purpose.
private enum Table {
    case features(any FeatureRows)
    case images(ImageShape, pixels: [UInt8])

    init(_ rows: InputRows) {
        switch rows {
        case .features(let matrix): self = .features(matrix)
        case .images(let shape, let pixels): self = .images(shape, pixels: pixels)
        }
    }

    /// Says so where much memory is taken that another file would not take.
    func note(on part: UserFiles.Part, _ heldByteCountMax: Int) -> String? {
        guard case .features(let rows) = self, rows.held != nil, rows.byteCount > heldByteCountMax
        else { return nil }
        return
            "\(part.description) takes \(rows.byteCount >> 20) MiB of memory: it is text, compressed, or its columns lie one after the other (Fortran order); np.save(\"x.npy\", np.ascontiguousarray(x)) makes a file that is read in pieces"
    }
}

/// Reading the rows for one purpose after another.
private struct TableReading {
    /// Rows that stay where they are.
    private(set) var inPlace: [(file: UserFile, rows: NPYRows)] = []
    private(set) var remarks: [String] = []
    private var input: InputRequest
    private var heldByteCountMax: Int

    init(_ request: UserDataRequest, owner: String) {
        input = InputRequest(
            kind: request.kind, svmlightBase: request.svmlightBase,
            readsBfloat16: request.readsBfloat16)
        input.shapeOwner = owner
        heldByteCountMax = request.heldByteCountMax
    }

    /// Reads rows; the first are those to train on.
    ///
    /// - Parameters:
    ///   - own: the labels in files of their own; none where they are beside the rows.
    ///   - labels: all of them; where nil, it becomes those beside the rows.
    mutating func table(
        of part: UserFiles.Part, _ own: [LabelColumn], _ labels: inout LabelColumn?
    ) throws(FormatError) -> Table {
        let isFirst = input.shape == nil
        let sources = try part.open(&input, own)
        let table: Table
        if let stored = RowSource.inPlace(sources, above: heldByteCountMax) {
            for (file, rows) in zip(part.rows, stored) { inPlace.append((file, rows)) }
            table = .features(stored.count == 1 ? stored[0] : JoinedRows(stored))
        } else {
            let (rows, counts) = try RowSource.all(sources, path: part.description)
            // Some files tell only now how many rows they have.
            try part.check(counts, own)
            table = Table(rows)
        }
        remarks += sources.compactMap(\.remark).filter { !remarks.contains($0) }
        if let note = table.note(on: part, heldByteCountMax) { remarks.append(note) }
        if isFirst, case .features(let train) = table {
            heldByteCountMax = UserDataRequest.askedByteCountMax(heldByteCountMax, beside: train)
        }
        if labels == nil { labels = try part.labels(of: sources) }
        return table
    }
}

extension UserFiles.Part {
    /// The labels of each file of labels; none where they are beside the rows.
    fileprivate func ownLabels() throws(FormatError) -> [LabelColumn] {
        var columns: [LabelColumn] = []
        for file in labels ?? [] { columns.append(try file.labels()) }
        return columns
    }

    /// Opens all files; afterwards the input asks for rows of the shape of the first.
    ///
    /// - Throws: `FormatError` for files of several shapes, and another number of rows than of labels.
    fileprivate func open(
        _ input: inout InputRequest, _ labels: [LabelColumn]
    ) throws(FormatError) -> [RowSource] {
        var sources: [RowSource] = []
        for file in rows {
            let source = try RowSource(file, input, labelsElsewhere: !labels.isEmpty)
            if input.shape == nil {
                input.shape = source.shape
                input.shapeOwner = file.description
            }
            input.svmlightBase = input.svmlightBase ?? source.svmlightBase
            sources.append(source)
        }
        try check(sources.map(\.table.rowCount), labels)
        return sources
    }

    /// Compares each file of rows with its labels, or all rows with the one file of their labels.
    ///
    /// - Parameter rowCounts: of each file of rows; one that is nil is not compared.
    /// - Throws: `FormatError` that names both files.
    fileprivate func check(_ rowCounts: [Int?], _ labels: [LabelColumn]) throws(FormatError) {
        if labels.count == rows.count {
            for (index, count) in rowCounts.enumerated() {
                guard let count, count != labels[index].rowCount else { continue }
                throw .rows(rows[index].description, count, labels[index])
            }
        } else if let labels = labels.first {
            let counts = rowCounts.compactMap(\.self)
            let sum = counts.reduce(0, +)
            guard counts.count == rows.count, sum != labels.rowCount else { return }
            throw .rows(description, sum, labels)
        }
    }

    /// The labels beside rows that have been read.
    fileprivate func labels(of sources: [RowSource]) throws(FormatError) -> LabelColumn {
        var columns: [LabelColumn] = []
        for (file, source) in zip(rows, sources) {
            guard let column = try source.table.labels() else {
                throw UserFiles.noLabels(file, what, option)
            }
            columns.append(column)
        }
        return .joined(columns, path: description) ?? columns[0]
    }
}
