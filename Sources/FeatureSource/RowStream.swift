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
/// Memory is what ``next(_:)`` returns and a few blocks, whatever the file's size.
package struct RowStream: ~Copyable {
    /// What one row is.
    package let shape: InputRequest.Shape
    /// How many rows there are; nil where only reading them all tells.
    package let rowCount: Int?
    /// The labels of the rows in the same file; of text files, of the rows that have been read.
    package private(set) var labels: LabelColumn?

    private var array: NPYReader

    /// Opens a file, or one array of an archive as `FILE:NAME`.
    ///
    /// - Throws: `FormatError`, one sentence that names the file and the cure, for files that cannot
    ///   be read, hold no rows, or rows of another shape than the request has.
    package init(_ path: String, _ request: InputRequest) throws(FormatError) {
        let array = try UserFile(path: path, member: nil, isNamed: false).array()
        guard array.header.shape.count == 2 else {
            throw .malformed(path, "its shape is \(array.header.shape)")
        }
        shape = .features(array.header.shape[1])
        rowCount = array.rowCount
        self.array = array
    }

    /// The next rows, at most so many; nil after the last.
    ///
    /// - Throws: `FormatError` that names the file, the row, and the column of a value that is not
    ///   finite.
    package mutating func next(_ rowCountMax: Int) throws(FormatError) -> InputRows? {
        try array.nextRows(rowCountMax).map { .features($0) }
    }
}
