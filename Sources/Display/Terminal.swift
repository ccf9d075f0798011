import Foundation

/// How much fits on a line of standard output.
package enum Terminal {
    /// Columns of standard output; nil where lines may be of any length, as in a pipe or a file.
    ///
    /// A terminal says its own width; else `COLUMNS` counts, and 80 where a terminal says nothing.
    package static var outputColumns: Int? {
        columns(
            isTerminal: isatty(STDOUT_FILENO) == 1, width: size(of: STDOUT_FILENO)?.columns,
            variable: ProcessInfo.processInfo.environment["COLUMNS"])
    }

    /// The same of what the system and the environment say.
    package static func columns(isTerminal: Bool, width: Int?, variable: String?) -> Int? {
        if isTerminal, let width { return width }
        if let value = variable.flatMap({ Int($0) }), value > 0 { return value }
        return isTerminal ? 80 : nil
    }

    /// Columns and rows of the terminal behind a descriptor; nil where it does not say.
    static func size(of descriptor: Int32) -> (columns: Int, rows: Int?)? {
        var size = winsize()
        guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
            return nil
        }
        return (Int(size.ws_col), size.ws_row > 0 ? Int(size.ws_row) : nil)
    }
}
