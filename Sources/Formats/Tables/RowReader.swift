import Glibc
import Numerics

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

/// Memory for many rows.
package enum RowMemory {
    /// The rows of some readers, one after another, in memory of their own.
    ///
    /// - Parameters:
    ///   - rowCountMax: at most how many rows there are.
    ///   - columnCount: numbers of a row.
    ///   - path: what messages call the rows.
    ///   - read: fills what it is given with rows, and returns how many; 0 after the last.
    /// - Throws: ``FormatError`` for more than there is memory for, and what `read` throws.
    package static func filled<Value: BitwiseCopyable>(
        rowCountMax: Int, columnCount: Int, path: String,
        _ read: (UnsafeMutableBufferPointer<Value>) throws(FormatError) -> Int
    ) throws(FormatError) -> [Value] {
        let (count, overflow) = rowCountMax.multipliedReportingOverflow(by: columnCount)
        guard !overflow, hasRoom(count, Value.self) else {
            throw .malformed(
                path,
                "its \(rowCountMax.counted("row")) of \(columnCount.counted("column")) are more than there is memory for; give fewer rows, or raise the limit on memory (ulimit -v)"
            )
        }
        var failure: FormatError?
        let values = unsafe [Value](unsafeUninitializedCapacity: count) { buffer, initialized in
            let target = unsafe UnsafeMutableBufferPointer(rebasing: buffer[..<count])
            unsafe useHugePages(UnsafeMutableRawBufferPointer(target))
            do throws(FormatError) {
                while initialized < count {
                    let rest = unsafe UnsafeMutableBufferPointer(rebasing: target[initialized...])
                    let rowCount = try unsafe read(rest)
                    if rowCount == 0 { break }
                    initialized += rowCount * columnCount
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return values
    }

    /// The next rows, at most so many, in memory of their own; none after the last.
    ///
    /// - Parameter read: fills what it is given with rows, and returns how many.
    package static func next<Value: BitwiseCopyable>(
        _ rowCountMax: Int, _ columnCount: Int,
        _ read: (UnsafeMutableBufferPointer<Value>) throws(FormatError) -> Int
    ) throws(FormatError) -> [Value] {
        var failure: FormatError?
        let count = rowCountMax * columnCount
        let values = unsafe [Value](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(FormatError) {
                let target = unsafe UnsafeMutableBufferPointer(rebasing: buffer[..<count])
                initialized = try unsafe read(target) * columnCount
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return values
    }

    /// Whether the system gives memory of a size; none is touched.
    private static func hasRoom<Value>(_ count: Int, _ type: Value.Type) -> Bool {
        let (byteCount, overflow) = count.multipliedReportingOverflow(
            by: MemoryLayout<Value>.stride)
        guard !overflow, let memory = unsafe malloc(byteCount + 64) else { return false }
        unsafe free(memory)
        return true
    }

    /// Asks for pages of 2 MiB: the first touch of many small ones takes longer than reading a file.
    private static func useHugePages(_ memory: UnsafeMutableRawBufferPointer) {
        let size = 2 << 20
        guard memory.count >= 4 * size, let start = memory.baseAddress else { return }
        let address = UInt(bitPattern: start)
        let first = (address + UInt(size) - 1) & ~UInt(size - 1)
        let count = Int(address + UInt(memory.count) - first) & ~(size - 1)
        // Advice: where it is not taken, pages are small.
        _ = unsafe madvise(start + Int(first - address), count, MADV_HUGEPAGE)
    }
}
