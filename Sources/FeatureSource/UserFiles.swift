import Formats
import Hashing

/// A file of a user's, or one array of an archive.
struct UserFile: CustomStringConvertible {
    let path: String
    /// Of an archive, the array.
    let member: String?
    /// Whether the user named the array.
    let isNamed: Bool

    /// As messages call it.
    var description: String { member.map { "\(path):\($0)" } ?? path }

    /// The file's name without folders and endings.
    var stem: String {
        var name = AtomicFile.split(path).name
        for ending in [".gz", ".npy", ".npz", ".txt"] where name.hasSuffix(ending) {
            name = String(name.dropLast(ending.count))
        }
        return name.isEmpty ? "data" : name
    }

    /// The array in it.
    func array() throws(FormatError) -> NPYReader {
        let source = try ByteSource(path)
        guard let member else { return try NPYReader(ByteReader(source)) }
        return try ZipArchive(source).array(named: member)
    }

    /// The labels in it: of an array, or of a text file.
    func labels() throws(FormatError) -> LabelColumn {
        try isText() ? LabelColumn(text: ByteReader(path)) : LabelColumn(array())
    }

    /// Whether it is a file by itself that does not begin as an array does.
    func isText() throws(FormatError) -> Bool {
        guard member == nil else { return false }
        var reader = try ByteReader(path)
        return try reader.readUpTo(6) != [0x93] + Array("NUMPY".utf8)
    }
}

/// The files of a request, archives searched.
struct UserFiles {
    let train: UserFile
    let trainLabels: UserFile
    let test: UserFile?
    let testLabels: UserFile?
    let val: UserFile?
    let valLabels: UserFile?
    let sampleWeights: UserFile?

    /// Names of arrays that belong together, for training or for either.
    private static let trainNames = [
        ("x_train", "y_train"), ("train_images", "train_labels"), ("x", "y"),
        ("features", "labels"),
    ]
    /// The same for test, the first that is there.
    private static let testNames = [("x_test", "y_test"), ("test_images", "test_labels")]

    /// Finds each array.
    ///
    /// - Throws: `FormatError` for files that cannot be read, rows without labels, labels without rows,
    ///   and archives in which it is not clear which array is meant.
    init(_ request: UserDataRequest) throws(FormatError) {
        sampleWeights = try request.sampleWeights.map { text throws(FormatError) in
            try Location(text).pair([], "weights of the training rows").rows
        }
        let location = try Location(request.train)
        let found = try location.pair(Self.trainNames, "training rows")
        train = found.rows
        trainLabels = try Self.labels(
            request.trainLabels, beside: found, Self.trainNames, "training labels")
        if let text = request.test {
            let names = Self.testNames + Self.trainNames.suffix(2)
            let found = try Location(text).pair(names, "test rows")
            test = found.rows
            testLabels = try Self.labels(request.testLabels, beside: found, names, "test labels")
        } else {
            if let labels = request.testLabels {
                throw .malformed(labels, "it labels test rows, and there are none; give them too")
            }
            // An archive that supplies training rows and labels supplies those of test, if it can.
            let isAlone = request.trainLabels == nil && !train.isNamed
            let found = isAlone ? location.known(Self.testNames) : nil
            test = found?.rows
            testLabels = found?.labels
        }
        let valNames = [("x_val", "y_val"), ("val_images", "val_labels")]
        if let text = request.val {
            let names = valNames + Self.trainNames.suffix(2)
            let found = try Location(text).pair(names, "validation rows")
            val = found.rows
            valLabels = try Self.labels(
                request.valLabels, beside: found, names, "validation labels")
        } else {
            let isAlone = request.trainLabels == nil && !train.isNamed
            let found = isAlone ? location.known(valNames) : nil
            (val, valLabels) = (found?.rows, found?.labels)
        }
    }

    /// The file of labels that was given, or else the array beside the rows in their archive.
    private static func labels(
        _ text: String?, beside found: Location.Pair, _ names: [(String, String)], _ what: String
    ) throws(FormatError) -> UserFile {
        if let text {
            let own = try Location(text).pair(names, what)
            return own.labels ?? own.rows
        }
        guard let labels = found.labels else {
            throw .malformed(
                found.rows.description,
                "its rows have no labels; give the file of the \(what) too, by --\(what.hasPrefix("test") ? "test" : what.hasPrefix("val") ? "val" : "train")-labels"
            )
        }
        return labels
    }

    /// Of all files, see ``UserData/sha256``.
    ///
    /// - Parameter known: of files, by path, that have been read.
    func digest(known: [String: [UInt8]] = [:]) throws(FormatError) -> String {
        var hash = SHA256()
        var known = known
        let files = [train, trainLabels, test, testLabels, val, valLabels, sampleWeights]
        for (role, file) in files.enumerated() {
            guard let file else { continue }
            let content: [UInt8]
            if let digest = known[file.path] {
                content = digest
            } else {
                content = try ByteSource(file.path).sha256()
                known[file.path] = content
            }
            hash.update([UInt8(role)] + Array((file.member ?? "").utf8) + [0] + content)
        }
        return hexadecimal(hash.finalize())
    }
}

/// A file as a user gives it: `FILE`, or `FILE:NAME`.
private struct Location {
    let path: String
    let name: String?
    /// The names in an archive; nil for another file.
    let arrayNames: [String]?

    init(_ text: String) throws(FormatError) {
        var path = text
        var name: String?
        // A file may have a colon in its name.
        if !FileSystem.exists(text), let colon = text.lastIndex(of: ":"),
            FileSystem.exists(String(text[..<colon]))
        {
            path = String(text[..<colon])
            name = String(text[text.index(after: colon)...])
        }
        let source = try ByteSource(path)
        let isArchive = try ZipArchive.isZip(source)
        guard name == nil || isArchive else {
            throw .malformed(path, "it is no .npz archive, so it has no array \(name ?? "")")
        }
        self.path = path
        self.name = name
        arrayNames = isArchive ? try ZipArchive(source).arrayNames : nil
        if arrayNames?.isEmpty == true {
            throw .foreign(
                path,
                "it is a zip archive without arrays (.npy); unpack it first (unzip), and give a file in it"
            )
        }
    }

    /// Rows, and labels beside them.
    typealias Pair = (rows: UserFile, labels: UserFile?)

    /// The array that the location names, or that an archive has by one of these names, with its
    /// labels.
    ///
    /// - Throws: `FormatError` for an archive of several arrays of other names.
    func pair(_ names: [(String, String)], _ what: String) throws(FormatError) -> Pair {
        guard let arrayNames else {
            return (UserFile(path: path, member: nil, isNamed: false), nil)
        }
        if let name { return (UserFile(path: path, member: name, isNamed: true), nil) }
        if let found = known(names) { return (found.rows, found.labels) }
        guard arrayNames.count == 1 else {
            throw .malformed(
                path,
                "which of its arrays \(arrayNames.joined(separator: ", ")) are the \(what)? Name one as \(path):NAME"
            )
        }
        return (UserFile(path: path, member: arrayNames[0], isNamed: false), nil)
    }

    /// The first pair of names of which an archive has both.
    func known(_ names: [(String, String)]) -> (rows: UserFile, labels: UserFile)? {
        for (rows, labels) in names {
            if let rows = array(rows), let labels = array(labels) { return (rows, labels) }
        }
        return nil
    }

    private func array(_ name: String) -> UserFile? {
        arrayNames?.first { $0.lowercased() == name }
            .map { UserFile(path: path, member: $0, isNamed: false) }
    }
}
