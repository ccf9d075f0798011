import Formats
import System

/// A file that a person names for what comes out.
enum OutputFile {
    /// Refuses the file that is read for it, which would be lost.
    ///
    /// - Parameters:
    ///   - path: of the file to write.
    ///   - inputs: what is read, as a person names it, and what it is.
    /// - Throws: `usage` that says which of them it is.
    static func check(_ path: String, isNone inputs: [(path: String, what: String)])
        throws(RunError)
    {
        for input in inputs {
            var name = input.path
            // Of an array in an archive, or a column of a table, the file.
            if !FileSystem.exists(name), let colon = name.lastIndex(of: ":") {
                name = String(name[..<colon])
            }
            guard FileSystem.isSame(path, name) else { continue }
            throw .usage(
                "--output \(path) is \(input.what) itself, which would be lost; name another file")
        }
    }
}
