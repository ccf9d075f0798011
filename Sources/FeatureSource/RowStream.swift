package import Formats
package import ImageData
package import Numerics

/// Rows of a file, some at a time.
package enum InputRows: Sendable, Equatable {
    /// A matrix `[sample, feature]`, all finite.
    case features(Matrix)
    /// Pixels `[sample, channel, row, column]` of images of one shape, one byte a value.
    case images(ImageShape, pixels: [UInt8])

    /// How many rows there are.
    package var rowCount: Int {
        switch self {
        case .features(let matrix): matrix.rowCount
        case .images(let shape, let pixels): pixels.count / shape.pixelCount
        }
    }
}

/// What a file of rows is to hold, where its bytes do not say it.
package struct InputRequest: Sendable, Equatable {
    /// What one row is.
    package enum Shape: Hashable, Sendable {
        /// So many numbers.
        case features(Int)
        /// An image.
        case image(ImageShape)
    }

    /// What the rows are; nil to tell by their shape.
    package var kind: UserDataRequest.Kind?
    /// The number of the first column of an svmlight file, 0 or 1; nil if it was not said.
    package var svmlightBase: Int?
    /// Whether values of two bytes without a name in an `.npy` are bfloat16.
    package var readsBfloat16: Bool
    /// What each row must be, as of a model; nil for whatever the file holds.
    package var shape: Shape?
    /// Whose rows ``shape`` is of, for messages.
    package var shapeOwner = "the model"

    /// A request, by default for whatever a file holds.
    package init(
        kind: UserDataRequest.Kind? = nil, svmlightBase: Int? = nil, readsBfloat16: Bool = false,
        shape: Shape? = nil
    ) {
        self.kind = kind
        self.svmlightBase = svmlightBase
        self.readsBfloat16 = readsBfloat16
        self.shape = shape
    }
}

/// The rows of a file from the first to the last, some at a time.
///
/// Memory is what ``next(_:)`` returns and a few blocks, whatever the file's size. Compressed arrays in
/// Fortran order are the exception: they are unpacked in memory.
package struct RowStream: ~Copyable {
    /// What one row is.
    package let shape: InputRequest.Shape
    /// How many rows there are; nil where only reading them all tells.
    package let rowCount: Int?
    /// What was taken as what where the file does not say it, for the user to read; nil for nothing.
    package let remark: String?

    private let source: RowSource
    private let labelFile: UserFile?

    /// Opens a file, or one array of an archive as `FILE:NAME`, or a CSV file with the name of its
    /// column of labels.
    ///
    /// - Parameter labelsElsewhere: whether another file has the labels.
    /// - Throws: `FormatError`, one sentence that names the file and the cure, for files that cannot
    ///   be read, hold no rows, or rows of another shape than the request has.
    package init(
        _ path: String, _ request: InputRequest, labelsElsewhere: Bool = false
    ) throws(FormatError) {
        let (rows, labels) = try UserLocation(path).pair(UserFiles.inputNames, "rows")
        let source = try RowSource(rows, request, labelsElsewhere: labelsElsewhere)
        shape = source.shape
        rowCount = source.table.rowCount
        remark = source.remark
        labelFile = labels
        self.source = source
    }

    /// The labels beside the rows in the same file; nil if there are none.
    ///
    /// Of svmlight and CSV files they are those of the rows that have been read.
    /// - Throws: `FormatError` for labels that cannot be read.
    package var labels: LabelColumn? {
        get throws(FormatError) {
            if let labelFile { return try labelFile.labels() }
            return try source.table.labels()
        }
    }

    /// The next rows, at most so many; nil after the last.
    ///
    /// - Throws: `FormatError` that names the file, the row, and the column of a value that is not
    ///   finite.
    package mutating func next(_ rowCountMax: Int) throws(FormatError) -> InputRows? {
        precondition(rowCountMax > 0)
        let count = rowCount.map { min($0, rowCountMax) } ?? rowCountMax
        let width = source.table.columnCount
        let rows: InputRows
        switch shape {
        case .features:
            let values: [Float] = try unsafe RowMemory.next(count, width) {
                target throws(FormatError) in try unsafe source.table.read(into: target)
            }
            rows = .features(
                Matrix(rowCount: values.count / width, columnCount: width, values: values))
        case .image(let shape):
            let pixels: [UInt8] = try unsafe RowMemory.next(count, width) {
                target throws(FormatError) in try unsafe source.images?.read(into: target) ?? 0
            }
            rows = .images(shape, pixels: pixels)
        }
        return rows.rowCount > 0 ? rows : nil
    }
}
