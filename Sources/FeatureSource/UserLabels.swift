package import Formats
import Numerics

extension LabelColumn {
    /// The labels in a file of a user's, as of `--test-labels`.
    ///
    /// - Throws: `FormatError`, one sentence, for a file that cannot be read or holds no labels.
    package init(userFile path: String) throws(FormatError) {
        let found = try UserLocation(path).pair(UserFiles.inputNames, "labels")
        self = try (found.labels ?? found.rows).labels()
    }

    /// The labels of several files one after another; nil for no file.
    static func joined(_ columns: [LabelColumn], path: String) -> LabelColumn? {
        columns.count > 1 ? LabelColumn(joining: columns, path: path) : columns.first
    }
}

extension FormatError {
    /// Another number of rows than of labels.
    package static func rows(_ path: String, _ count: Int, _ labels: LabelColumn) -> FormatError {
        .malformed(
            path,
            "it has \(count.counted("row")), and \(labels.path) has \(labels.rowCount.counted("label")); use two files that belong together"
        )
    }
}
