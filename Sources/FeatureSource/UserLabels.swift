package import Formats

extension LabelColumn {
    /// The labels in a file of a user's: an array, or a text file of one label a line.
    ///
    /// - Throws: `FormatError`, one sentence, for a file that cannot be read or holds no labels.
    package init(userFile path: String) throws(FormatError) {
        self = try UserFile(path: path, member: nil, isNamed: false).labels()
    }
}
