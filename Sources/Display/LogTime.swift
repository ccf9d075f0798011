import Foundation

/// The time in front of each line of a log, where nobody else writes it.
package enum LogTime {
    /// Whether standard error is a file: a terminal needs none, and what reads a pipe or the system's
    /// journal says by itself when a line came.
    private static let isWanted: Bool = {
        var status = stat()
        return unsafe fstat(STDERR_FILENO, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }()

    /// A line of standard error as it is to be written: `2026-11-30T18:45:02Z reading mnist`.
    package static func stamped(_ line: String) -> String {
        isWanted ? Date.now.formatted(.iso8601) + " " + line : line
    }
}
