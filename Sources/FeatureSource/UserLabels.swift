package import Formats

extension LabelColumn {
    /// The labels in a file of a user's, as of `--test-labels`.
    ///
    /// - Throws: `FormatError`, one sentence, for a file that cannot be read or holds no labels.
    package init(userFile path: String) throws(FormatError) {
        let found = try UserLocation(path).pair(UserFiles.inputNames, "labels")
        self = try (found.labels ?? found.rows).labels()
    }
}
