/// A table in a file, read once from its first row to its last.
package protocol RowReader: AnyObject {
    /// The file, for messages.
    var path: String { get }
    /// Numbers of a row.
    var columnCount: Int { get }
    /// How many rows there are; nil where only reading them all tells.
    var rowCount: Int? { get }
    /// The labels of the rows that have been read; nil for a file without labels.
    func labels() throws(FormatError) -> LabelColumn?
    /// At most how many rows there are, where the file is cheap to look through.
    func rowCountMax() throws(FormatError) -> Int
    /// Fills `target` with the next rows, as many as there is room for or as there are.
    ///
    /// - Returns: how many rows; 0 after the last.
    /// - Throws: ``FormatError`` that names the file, the row and the column.
    func read(into target: UnsafeMutableBufferPointer<Float>) throws(FormatError) -> Int
}

extension RowReader {
    /// The next rows, at most so many; nil after the last.
    package func next(_ rowCountMax: Int) throws(FormatError) -> [Float]? {
        var failure: FormatError?
        let room = rowCount.map { min($0, rowCountMax) } ?? rowCountMax
        let values = unsafe [Float](unsafeUninitializedCapacity: room * columnCount) {
            buffer, count in
            do throws(FormatError) {
                let part = unsafe UnsafeMutableBufferPointer(rebasing: buffer[..<(room * columnCount)])
                count = try unsafe read(into: part) * columnCount
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return values.isEmpty ? nil : values
    }
}
