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
        var missing = [name.fileNames[0]]
        var foundMax = 0
        var obstacle: DatasetError?
        for folder in folders {
            if FileSystem.look(at: folder) == .file {
                obstacle = obstacle ?? .obstructed(folder, "it is a file; name the folder it is in")
                continue
            }
            var files: [String] = []
            var holes: [String] = []
            for fileName in name.fileNames {
                switch Self.find(fileName, in: folder) {
                case .found(let path): files.append(path)
                case .absent: holes.append(fileName)
                case .obstructed(let path, let reason):
                    obstacle = obstacle ?? .obstructed(path, reason)
                    holes.append(fileName)
                }
            }
            if holes.isEmpty { return (folder, files) }
            // Of an incomplete set the missing files say more than the first of all.
            if files.count > foundMax {
                foundMax = files.count
                missing = holes
            }
        }
        // What is there and cannot be used has another cure than what is not there.
        if let obstacle { throw obstacle }
        if let (path, cure) = inOtherForm() { throw .otherForm(path, of: name, cure: cure) }
        throw .missingFiles(missing, of: name, folders: folders)
    }

    /// What there is in the place of a file.
    private enum Finding {
        case found(String)
        case absent
        /// Why it cannot be used, and the cure.
        case obstructed(String, String)
    }

    /// A file or its gzip form, under any usual spelling of its name; the plain one first.
    private static func find(_ fileName: String, in folder: String) -> Finding {
        var obstacle: Finding?
        for spelling in spellings(of: fileName).flatMap({ [$0, $0 + ".gz"] }) {
            let path = join(folder, spelling)
            switch FileSystem.look(at: path) {
            case .file: return .found(path)
            case .absent: break
            case .folder:
                // Some tools unpack an archive into a folder of the file's name.
                let inner = join(path, spelling)
                if FileSystem.look(at: inner) == .file { return .found(inner) }
                obstacle =
                    obstacle ?? .obstructed(path, "it is a folder; put the file in its place")
            case .obstacle(let reason): obstacle = obstacle ?? .obstructed(path, reason)
            }
        }
        return obstacle ?? .absent
    }

    /// `train-images-idx3-ubyte` is `train-images.idx3-ubyte` where somebody took the end for an
    /// extension.
    private static func spellings(of fileName: String) -> [String] {
        fileName.contains("-idx")
            ? [fileName, fileName.replacing("-idx", with: ".idx")] : [fileName]
    }

    /// The path of a file or its gzip form, whichever is there; the plain one first.
    static func file(_ fileName: String, in folder: String) -> String? {
        if case .found(let path) = find(fileName, in: folder) { path } else { nil }
    }

    /// The data set in a form that is not read as it is, and what to do with it.
    private func inOtherForm() -> (path: String, cure: String)? {
        for folder in folders {
            for (fileName, cure) in name.otherForms {
                let path = Self.join(folder, fileName)
                if FileSystem.exists(path) { return (path, cure(path)) }
            }
        }
        return nil
    }

    private static func join(_ folder: String, _ name: String) -> String {
        folder.hasSuffix("/") ? folder + name : folder + "/" + name
    }
}
