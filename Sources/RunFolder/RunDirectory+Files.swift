package import Formats

// Whether the files of a finished run are what it wrote.
extension RunDirectory {
    /// The features and labels that `--save-features` writes.
    package static let savedFeatures: [Artefact] = [
        .trainFeatures, .trainLabels, .testFeatures, .testLabels,
    ]
    /// What results.json has the digests of.
    private static let hashed: [Artefact] = [.predictions, .model] + savedFeatures

    /// The digests of predictions, model and saved features, as far as there are any, for results.json.
    ///
    /// - Throws: `FormatError` when one cannot be read.
    package func fileDigests() throws(FormatError) -> [String: String] {
        var digests: [String: String] = [:]
        for artefact in Self.hashed where FileSystem.exists(path(of: artefact)) {
            digests[artefact.rawValue] = try RunDigests.file(path(of: artefact))
        }
        return digests
    }

    /// What is wrong with the files of a finished run, a clause each, as in `predictions.csv is missing`;
    /// none of any other run.
    ///
    /// - Parameter needsFeatures: whether features are to be there.
    /// - Throws: `FormatError` when a file cannot be read.
    package func flaws(needsFeatures: Bool) throws(FormatError) -> [String] {
        guard let results else { return [] }
        var flaws: [String] = []
        for artefact in Self.hashed {
            let isNeeded = needsFeatures || !Self.savedFeatures.contains(artefact)
            let expected = results.digest(of: artefact)
            guard FileSystem.exists(path(of: artefact)) else {
                if isNeeded { flaws.append("\(artefact.rawValue) is missing") }
                continue
            }
            // Files that the run did not write are nobody's concern unless they are in the way.
            guard expected != nil || isNeeded else { continue }
            if try RunDigests.file(path(of: artefact)) != expected {
                flaws.append("\(artefact.rawValue) is damaged")
            }
        }
        return flaws
    }

    /// Checks that a file is the one that the run in a folder wrote.
    ///
    /// - Throws: `FormatError` that names the file, unless it is there and has its bytes.
    package static func verify(
        _ artefact: Artefact, in folder: String, _ results: RunResults
    ) throws(FormatError) {
        let path = path(of: artefact, in: folder)
        guard try RunDigests.file(path) == results.digest(of: artefact) else {
            throw .malformed(
                path,
                "it is not what the run wrote, for its SHA-256 is not the one in results.json; coordinator resume \(folder.shellQuoted) makes it again"
            )
        }
    }
}

extension RunResults {
    /// The SHA-256 of a file that the run wrote; nil of one that it did not.
    package func digest(of artefact: RunDirectory.Artefact) -> String? {
        files?[artefact.rawValue]
    }
}
