/// Rows of features that are read some at a time: in memory, or in a file that is left where it is.
///
/// Rows are `[sample, feature]`, and row numbers fit 32 bits. Reading is safe from any thread.
package protocol FeatureRows: Sendable {
    /// How many rows there are.
    var rowCount: Int { get }
    /// Features of a row.
    var columnCount: Int { get }
    /// What messages call them: the file's path, or a word.
    var name: String { get }
    /// The rows, where they are in memory; nil otherwise.
    var held: Matrix? { get }

    /// Copies rows that follow each other, `[row, feature]`.
    ///
    /// - Parameter target: has room for exactly these rows.
    /// - Throws: one sentence, for a file that cannot be read any more.
    func copy(_ rows: Range<Int>, into target: UnsafeMutableBufferPointer<Float>) throws

    /// Copies rows by their numbers, in the order in which they are listed.
    ///
    /// - Parameter target: has room for exactly these rows.
    /// - Throws: one sentence, for a file that cannot be read any more.
    func copy(_ rows: ArraySlice<UInt32>, into target: UnsafeMutableBufferPointer<Float>) throws
}

/// How much of some features is kept in memory.
package enum FeatureMemory {
    /// Bytes of features, as float32, up to which all of them are: more are read from their file, some
    /// at a time.
    package static let heldByteCountMax = 256 << 20
    /// Bytes that are read at a time.
    package static let blockByteCount = 1 << 20
}

extension FeatureRows {
    /// Bytes of all rows as float32.
    package var byteCount: Int { rowCount * columnCount * MemoryLayout<Float>.size }

    /// Copies rows by their numbers: those that follow each other at once.
    package func copy(
        _ rows: ArraySlice<UInt32>, into target: UnsafeMutableBufferPointer<Float>
    ) throws {
        var start = rows.startIndex
        while start < rows.endIndex {
            var end = start + 1
            while end < rows.endIndex, Int(rows[end]) == Int(rows[end - 1]) + 1 { end += 1 }
            let place = (start - rows.startIndex) * columnCount
            let first = Int(rows[start])
            try unsafe copy(
                first..<first + (end - start),
                into: UnsafeMutableBufferPointer(
                    rebasing: target[place..<place + (end - start) * columnCount]))
            start = end
        }
    }

    /// Rows that follow each other, in memory.
    ///
    /// - Throws: one sentence, for a file that cannot be read any more.
    package func matrix(of rows: Range<Int>) throws -> Matrix {
        if let held, rows == 0..<rowCount { return held }
        let count = rows.count * columnCount
        let values = try unsafe [Float](unsafeUninitializedCapacity: count) { buffer, filled in
            try unsafe copy(rows, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
            filled = count
        }
        return Matrix(rowCount: rows.count, columnCount: columnCount, values: values)
    }

    /// All rows, in memory.
    ///
    /// - Throws: one sentence, for a file that cannot be read any more.
    package func matrix() throws -> Matrix { try matrix(of: 0..<rowCount) }

    /// The same rows in memory, if they take no more than so many bytes there.
    ///
    /// - Throws: one sentence, for a file that cannot be read any more.
    package func held(upTo byteCountMax: Int) throws -> any FeatureRows {
        held == nil && byteCount <= byteCountMax ? try matrix() : self
    }

    /// The rows listed, in that order; those of a file stay there.
    package func selecting(_ rows: [Int]) -> any FeatureRows {
        if rows.elementsEqual(0..<rowCount) { return self }
        if let held { return held.selecting(rows) }
        return SelectedRows(base: self, numbers: rows.map { UInt32($0) })
    }

    /// Calls `body` with all rows in their order, some at a time; those in memory at once.
    ///
    /// - Throws: what `body` throws, and one sentence for a file that cannot be read any more.
    package func forEachBlock(
        _ body: (_ rows: Range<Int>, _ values: UnsafeBufferPointer<Float>) throws -> Void
    ) throws {
        if let held {
            guard rowCount > 0 else { return }
            return try unsafe held.values.withUnsafeBufferPointer {
                try unsafe body(0..<rowCount, $0)
            }
        }
        let step = max(1, FeatureMemory.blockByteCount / max(1, 4 * columnCount))
        let buffer = FloatBuffer(unfilledCount: min(step, rowCount) * columnCount)
        for first in stride(from: 0, to: rowCount, by: step) {
            let rows = first..<min(first + step, rowCount)
            try unsafe buffer.withUnsafeMutableBufferPointer {
                let block = unsafe UnsafeMutableBufferPointer(
                    rebasing: $0[..<(rows.count * columnCount)])
                try unsafe copy(rows, into: block)
                try unsafe body(rows, UnsafeBufferPointer(block))
            }
        }
    }

    /// The same rows, each changed: at once, where they are in memory, and otherwise on its way to whoever
    /// reads it.
    ///
    /// - Parameter change: gets one row, of which it may write every value; the same row always becomes
    ///   the same.
    package func changed(
        by change: @escaping @Sendable (inout MutableSpan<Float>) -> Void
    ) -> any FeatureRows {
        let rows = ChangedRows(base: self, change: change)
        guard var matrix = held else { return rows }
        unsafe matrix.values.withUnsafeMutableBufferPointer { unsafe rows.changeRows(of: $0) }
        return matrix
    }
}

extension Matrix: FeatureRows {
    /// A word: a matrix is in no file.
    package var name: String { "the features" }
    /// Itself.
    package var held: Matrix? { self }

    /// Copies rows that follow each other.
    package func copy(_ rows: Range<Int>, into target: UnsafeMutableBufferPointer<Float>) {
        let place = rows.lowerBound * columnCount..<rows.upperBound * columnCount
        precondition(target.count == place.count)
        unsafe values.withUnsafeBufferPointer {
            _ = unsafe target.update(from: $0[place])
        }
    }

    /// Copies rows by their numbers.
    package func copy(_ rows: ArraySlice<UInt32>, into target: UnsafeMutableBufferPointer<Float>) {
        precondition(target.count == rows.count * columnCount)
        unsafe values.withUnsafeBufferPointer { source in
            guard let from = source.baseAddress, let to = target.baseAddress else { return }
            for (place, row) in rows.enumerated() {
                precondition(Int(row) < rowCount)
                unsafe (to + place * columnCount).update(
                    from: from + Int(row) * columnCount, count: columnCount)
            }
        }
    }
}

/// Some of the rows of a file.
private struct SelectedRows: FeatureRows {
    let base: any FeatureRows
    /// Which they are, in their order.
    let numbers: [UInt32]

    var rowCount: Int { numbers.count }
    var columnCount: Int { base.columnCount }
    var name: String { base.name }
    var held: Matrix? { nil }

    func copy(_ rows: Range<Int>, into target: UnsafeMutableBufferPointer<Float>) throws {
        try unsafe base.copy(numbers[rows], into: target)
    }

    func copy(_ rows: ArraySlice<UInt32>, into target: UnsafeMutableBufferPointer<Float>) throws {
        try unsafe base.copy(rows.map { numbers[Int($0)] }[...], into: target)
    }
}

/// Rows that are changed as they are read.
private struct ChangedRows: FeatureRows {
    let base: any FeatureRows
    let change: @Sendable (inout MutableSpan<Float>) -> Void

    var rowCount: Int { base.rowCount }
    var columnCount: Int { base.columnCount }
    var name: String { base.name }
    var held: Matrix? { nil }

    func copy(_ rows: Range<Int>, into target: UnsafeMutableBufferPointer<Float>) throws {
        try unsafe base.copy(rows, into: target)
        unsafe changeRows(of: target)
    }

    func copy(_ rows: ArraySlice<UInt32>, into target: UnsafeMutableBufferPointer<Float>) throws {
        try unsafe base.copy(rows, into: target)
        unsafe changeRows(of: target)
    }

    func changeRows(of target: UnsafeMutableBufferPointer<Float>) {
        for start in stride(from: 0, to: target.count, by: max(1, columnCount)) {
            var row = unsafe UnsafeMutableBufferPointer(
                rebasing: target[start..<start + columnCount]
            ).mutableSpan
            change(&row)
        }
    }
}

/// The rows of several files, one after the other, as one table.
package struct JoinedRows: FeatureRows {
    private let parts: [any FeatureRows]
    /// The first row of each part, and the row count at the end.
    private let offsets: [Int]

    /// Traps without a part, and unless all have equally many columns.
    package init(_ parts: [any FeatureRows]) {
        precondition(!parts.isEmpty)
        precondition(parts.allSatisfy { $0.columnCount == parts[0].columnCount })
        self.parts = parts
        offsets = parts.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.rowCount) }
    }

    /// Rows of all parts.
    package var rowCount: Int { offsets[offsets.count - 1] }
    /// Features of a row.
    package var columnCount: Int { parts[0].columnCount }
    /// The names of all parts.
    package var name: String { parts.map(\.name).joined(separator: ", ") }
    /// Nil: they are not together.
    package var held: Matrix? { nil }

    /// Copies rows by their numbers, those of one part at once.
    package func copy(
        _ rows: ArraySlice<UInt32>, into target: UnsafeMutableBufferPointer<Float>
    ) throws {
        var start = rows.startIndex
        while start < rows.endIndex {
            let first = Int(rows[start])
            precondition(first < rowCount)
            let part = offsets.lastIndex { $0 <= first } ?? 0
            let inside = offsets[part]..<offsets[part + 1]
            let end = rows[start...].firstIndex { !inside.contains(Int($0)) } ?? rows.endIndex
            let numbers = rows[start..<end].map { $0 - UInt32(inside.lowerBound) }
            let place = (start - rows.startIndex) * columnCount
            try unsafe parts[part].copy(
                numbers[...],
                into: UnsafeMutableBufferPointer(
                    rebasing: target[place..<place + numbers.count * columnCount]))
            start = end
        }
    }

    /// Copies rows that follow each other, whatever parts they are in.
    package func copy(
        _ rows: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
    ) throws {
        for (part, offset) in zip(parts, offsets) {
            let inside = rows.clamped(to: offset..<offset + part.rowCount)
            guard !inside.isEmpty else { continue }
            let place = (inside.lowerBound - rows.lowerBound) * columnCount
            try unsafe part.copy(
                inside.lowerBound - offset..<inside.upperBound - offset,
                into: UnsafeMutableBufferPointer(
                    rebasing: target[place..<place + inside.count * columnCount]))
        }
    }
}
