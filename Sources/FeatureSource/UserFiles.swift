import Formats
import Hashing
import Numerics

/// The files of a request, archives searched.
struct UserFiles {
    /// Rows for one purpose.
    struct Part {
        /// Files whose rows are one table.
        let rows: [UserFile]
        /// Files of their labels, one after another; nil where they are beside the rows.
        let labels: [UserFile]?
        /// What messages call the labels, and the option that gives them.
        let what: String
        let option: String

        /// As messages call the rows, and the labels.
        var description: String { rows.map(\.description).joined(separator: ",") }
        var labelDescription: String {
            labels.map { $0.map(\.description).joined(separator: ",") } ?? description
        }
    }

    let train: Part
    let test: Part?
    let val: Part?
    let sampleWeights: UserFile?

    /// Names of arrays that belong together, for training or for any purpose.
    private static let trainNames = [
        ("x_train", "y_train"), ("train_images", "train_labels"), ("x", "y"),
        ("features", "labels"),
    ]
    /// The same for test and for validation, the first that is there.
    private static let testNames = [("x_test", "y_test"), ("test_images", "test_labels")]
    private static let valNames = [("x_val", "y_val"), ("val_images", "val_labels")]
    /// Of rows for no purpose of these.
    static let inputNames = testNames + trainNames.suffix(2) + valNames + trainNames.prefix(2)

    /// Finds each array.
    ///
    /// - Throws: `FormatError` for files that cannot be read, rows without labels, labels without rows,
    ///   and archives in which it is not clear which array is meant.
    init(_ request: UserDataRequest) throws(FormatError) {
        sampleWeights = try request.sampleWeights.map { text throws(FormatError) in
            try UserLocation(text).pair([], "weights of the training rows").rows
        }
        let locations = try UserLocation.list(request.train)
        let train = try Self.part(
            locations, request.trainLabels, Self.trainNames, "training", "--train-labels")
        // An archive that supplies training rows and labels supplies those of test, if it can.
        let isAlone = locations.count == 1 && request.trainLabels == nil && !train.rows[0].isNamed
        let archive = isAlone ? locations[0] : nil
        self.train = train
        test = try Self.part(
            request.test, request.testLabels, Self.testNames, archive, "test", "--test-labels")
        val = try Self.part(
            request.val, request.valLabels, Self.valNames, archive, "validation", "--val-labels")
    }

    /// The rows that were given, or that an archive of training rows has.
    private static func part(
        _ rows: String?, _ labels: String?, _ names: [(String, String)],
        _ archive: UserLocation?, _ what: String, _ option: String
    ) throws(FormatError) -> Part? {
        if let rows {
            return try part(
                UserLocation.list(rows), labels, names + trainNames.suffix(2), what, option)
        }
        if let labels {
            throw .malformed(labels, "it labels \(what) rows, and there are none; give them too")
        }
        return archive?.known(names).map {
            Part(rows: [$0.rows], labels: [$0.labels], what: what, option: option)
        }
    }

    private static func part(
        _ locations: [UserLocation], _ labels: String?, _ names: [(String, String)],
        _ what: String, _ option: String
    ) throws(FormatError) -> Part {
        var found: [UserLocation.Pair] = []
        for location in locations { found.append(try location.pair(names, "\(what) rows")) }
        let rows = found.map(\.rows)
        guard let labels else {
            if rows.allSatisfy(\.hasOwnLabels) {
                return Part(rows: rows, labels: nil, what: what, option: option)
            }
            if let bare = found.first(where: { $0.labels == nil }) {
                throw noLabels(bare.rows, what, option)
            }
            return Part(
                rows: rows, labels: found.compactMap(\.labels), what: what, option: option)
        }
        var files: [UserFile] = []
        for location in try UserLocation.list(labels) {
            let own = try location.pair(names, "\(what) labels")
            files.append(own.labels ?? own.rows)
        }
        guard files.count == 1 || files.count == rows.count else {
            throw .malformed(
                labels,
                "it is \(files.count.counted("file")) of labels for \(rows.count.counted("file")) of rows; give one for each, in the same order"
            )
        }
        return Part(rows: rows, labels: files, what: what, option: option)
    }

    /// Rows that have no labels.
    static func noLabels(_ file: UserFile, _ what: String, _ option: String) -> FormatError {
        .malformed(
            file.description,
            "its rows have no labels; give the file of the \(what) labels too, by \(option)\(file.content == .csv ? ", or name their column as \(file.path):COLUMN" : "")"
        )
    }

    /// Of all files, see ``UserData/sha256``.
    ///
    /// - Parameter known: of files, by path, that have been read.
    func digest(known: [String: [UInt8]] = [:]) throws(FormatError) -> String {
        var hash = SHA256()
        var known = known
        let roles =
            [train, test, val].flatMap { [$0?.rows, $0?.labels] } + [sampleWeights.map { [$0] }]
        for (role, files) in roles.enumerated() {
            for file in files ?? [] {
                let content: [UInt8]
                if let digest = known[file.path] {
                    content = digest
                } else {
                    content = try ByteSource(file.path).sha256()
                    known[file.path] = content
                }
                hash.update([UInt8(role)] + Array((file.member ?? "").utf8) + [0] + content)
            }
        }
        return hexadecimal(hash.finalize())
    }
}
