import Formats

/// Where the files of a data set are looked for, in order.
struct DataFolders {
    /// The folders, first choice first.
    let folders: [String]
    private let name: DatasetName

    /// The folders of a request.
    ///
    /// First the folder that is named, by `--data-dir` or else by `MANYHEADS_DATA`, then the system's,
    /// which neither hides: ``DatasetRequest/note(on:)`` says where the data came from then.
    init(_ request: DatasetRequest) throws(DatasetError) {
        name = request.name
        if request.dataDirectory == "" {
            throw .invalidRequest("the data folder is an empty name; pass --data-dir DIR")
        }
        var roots: [String] = []
        if let folder = request.namedFolder { roots = [folder, Self.join(folder, name.rawValue)] }
        roots.append(Self.join(request.systemFolder, name.rawValue))
        switch name {
        case .fashionMNIST, .mnist: folders = roots
        case .cifar10: folders = roots.flatMap { [Self.join($0, "cifar-10-batches-bin"), $0] }
        }
    }

    /// The first folder that holds every file, and its files in the order of
    /// ``DatasetName/fileNames``.
    ///
    /// Files are never gathered from several folders: half of MNIST and half of Fashion-MNIST,
    /// whose files have the same names, would look like a data set.
    func locate() throws(DatasetError) -> (folder: String, files: [String]) {
        var missing = name.fileNames[0]
        var foundMax = 0
        for folder in folders {
            let files = name.fileNames.map { Self.file($0, in: folder) }
            let found = files.compactMap { $0 }
            if found.count == files.count { return (folder, found) }
            // Of an incomplete set the first missing file says more than the first of all.
            if found.count > foundMax, let hole = files.firstIndex(of: nil) {
                foundMax = found.count
                missing = name.fileNames[hole]
            }
        }
        throw .missingFile(missing, of: name, folders: folders)
    }

    /// The path of a file or its gzip form, whichever is there; the plain one first.
    static func file(_ fileName: String, in folder: String) -> String? {
        let plain = join(folder, fileName)
        return [plain, plain + ".gz"].first(where: FileSystem.isFile)
    }

    private static func join(_ folder: String, _ name: String) -> String {
        folder.hasSuffix("/") ? folder + name : folder + "/" + name
    }
}
