import Formats

/// A file of a user's, or one array of an archive.
struct UserFile: CustomStringConvertible {
    /// What a file is.
    enum Content: Hashable {
        case npy
        case npz
        case safetensors
        case idx
        /// Records of a byte that is the label, or of a coarse and a fine label, and an image.
        case cifar(labelCount: Int)
        case svmlight
        case csv
        /// Text of another name: labels, one a line.
        case text
    }

    let path: String
    /// Of an archive, the array; of a CSV file, the column of labels.
    var member: String?
    let content: Content
    /// Whether the user named the array.
    var isNamed = false

    /// As messages call it.
    var description: String { member.map { "\(path):\($0)" } ?? path }

    private static let endings: [(ending: String, content: Content?)] = [
        (".gz", nil), (".npy", .npy), (".npz", .npz), (".safetensors", .safetensors),
        (".csv", .csv), (".tsv", .csv), (".svm", .svmlight), (".libsvm", .svmlight),
        (".svmlight", .svmlight), (".txt", .text), (".bin", nil),
    ]

    /// The file's name without folders and endings.
    var stem: String {
        var name = AtomicFile.split(path).name
        for (ending, _) in Self.endings where name.hasSuffix(ending) {
            name = String(name.dropLast(ending.count))
        }
        return name.isEmpty ? "data" : name
    }

    /// Whether labels may be beside the rows in the same file.
    var hasOwnLabels: Bool {
        switch content {
        case .svmlight, .csv, .cifar: true
        case .npy, .npz, .safetensors, .idx, .text: false
        }
    }

    /// What a file is, by its first bytes where they say it, and else by its name.
    static func content(_ source: ByteSource) throws(FormatError) -> Content {
        var reader = try ByteReader(source)
        let start = try reader.readUpTo(9)
        if start.starts(with: [0x93] + Array("NUMPY".utf8)) { return .npy }
        if try ZipArchive.isZip(source) { return .npz }
        if SafetensorsFile.begins(start, byteCount: source.byteCount) { return .safetensors }
        if NPYHeader.isIDX(start) { return .idx }
        var name = source.path.lowercased()
        if name.hasSuffix(".gz") { name = String(name.dropLast(3)) }
        if let found = endings.first(where: { $0.content != nil && name.hasSuffix($0.ending) }) {
            let content = found.content ?? .text
            // Of text its reader says what to write.
            guard !start.isEmpty || [.text, .csv, .svmlight].contains(content) else {
                throw .malformed(source.path, "it is empty; save or get the file again")
            }
            return content
        }
        if name.hasSuffix(".bin"), source.byteCount > 0 {
            for labelCount in 1...2 where source.byteCount % (labelCount + 3_072) == 0 {
                return .cifar(labelCount: labelCount)
            }
        }
        return .text
    }

    /// The array in it.
    ///
    /// - Throws: `FormatError` for a file of another kind.
    func array(_ source: ByteSource, readsBfloat16: Bool) throws(FormatError) -> NPYReader {
        switch content {
        case .npz:
            return try ZipArchive(source).array(
                named: member ?? "", readsBfloat16: readsBfloat16)
        case .safetensors: return try SafetensorsFile(source).array(named: member ?? "")
        case .idx: return try NPYReader(idx: ByteReader(source))
        case .npy, .cifar, .svmlight, .csv, .text:
            return try NPYReader(ByteReader(source), readsBfloat16: readsBfloat16)
        }
    }

    /// The labels in it, where it is a file of labels.
    func labels() throws(FormatError) -> LabelColumn {
        let source = try ByteSource(path)
        switch content {
        case .text, .cifar: return try LabelColumn(text: ByteReader(source))
        case .csv: return try CSVReader.labels(source, column: member)
        case .svmlight:
            throw .malformed(
                path, "it is an svmlight file, of rows and their labels; give it as the rows")
        case .npy, .npz, .safetensors, .idx:
            return try LabelColumn(array(source, readsBfloat16: false))
        }
    }
}

/// A file as a user gives it: `FILE`, or `FILE:NAME`.
struct UserLocation {
    let path: String
    let name: String?
    let content: UserFile.Content
    /// The names in an archive; nil for another file.
    let arrayNames: [String]?

    /// The files of a list with commas between them, or the one file whose name has commas.
    ///
    /// - Throws: `FormatError` that names the file of a list that is not there.
    static func list(_ text: String) throws(FormatError) -> [UserLocation] {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard parts.count > 1, !FileSystem.exists(text),
            !parts.contains(""), parts.contains(where: { FileSystem.exists(split($0).path) })
        else { return [try UserLocation(text)] }
        var locations: [UserLocation] = []
        for part in parts { locations.append(try UserLocation(part)) }
        return locations
    }

    /// A path, and a name after a colon where that makes the path one of a file.
    private static func split(_ text: String) -> (path: String, name: String?) {
        if FileSystem.exists(text) { return (text, nil) }
        // Both a file and an array may have colons in their names.
        for colon in text.indices.reversed() where text[colon] == ":" {
            let path = String(text[..<colon])
            if FileSystem.exists(path) { return (path, String(text[text.index(after: colon)...])) }
        }
        return (text, nil)
    }

    init(_ text: String) throws(FormatError) {
        (path, name) = Self.split(text)
        let source = try ByteSource(path)
        content = try UserFile.content(source)
        switch content {
        case .npz: arrayNames = try ZipArchive(source).arrayNames
        case .safetensors: arrayNames = try SafetensorsFile(source).names
        case .csv: arrayNames = nil
        case .npy, .idx, .cifar, .svmlight, .text:
            arrayNames = nil
            guard name == nil else {
                throw .malformed(
                    path,
                    "it is no .npz archive, .safetensors or .csv file, so it has no array \(name ?? "")"
                )
            }
        }
        if arrayNames?.isEmpty == true {
            throw .foreign(
                path,
                content == .safetensors
                    ? "it holds no tensor"
                    : "it is a zip archive without arrays (.npy); unpack it first (unzip), and give a file in it, or save what torch.save wrote with np.save"
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
            let file = UserFile(path: path, member: name, content: content, isNamed: name != nil)
            return (file, nil)
        }
        if let name {
            return (UserFile(path: path, member: name, content: content, isNamed: true), nil)
        }
        if let found = known(names) { return (found.rows, found.labels) }
        guard arrayNames.count == 1 else {
            throw .malformed(
                path,
                "which of its arrays \(arrayNames.prefix(20).joined(separator: ", ")) are the \(what)? Name one as \(path):NAME"
            )
        }
        return (UserFile(path: path, member: arrayNames[0], content: content), nil)
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
            .map { UserFile(path: path, member: $0, content: content) }
    }
}
