import Numerics

/// Why features or materials cannot be cut into chunks or put together from them.
package struct TransferError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of failure it was.
    package struct Code: Hashable, Sendable {
        private enum Value {
            case rowSize, notFinite, weight, manifest, memory, index, length, hash, code, missing
            case change
        }
        private let value: Value

        /// One row is larger than a chunk may be.
        package static let rowTooLarge = Code(value: .rowSize)
        /// A feature is NaN or infinite.
        package static let notFinite = Code(value: .notFinite)
        /// A row's weight is not a finite number above 0.
        package static let badWeight = Code(value: .weight)
        /// The chunks do not cover every row exactly once, or contradict the shape.
        package static let badManifest = Code(value: .manifest)
        /// The features take more memory than allowed.
        package static let tooLarge = Code(value: .memory)
        /// The manifest has no such chunk.
        package static let noSuchChunk = Code(value: .index)
        /// A chunk has another length than the manifest says.
        package static let wrongLength = Code(value: .length)
        /// A chunk has another hash than the manifest says.
        package static let wrongHash = Code(value: .hash)
        /// A chunk's bits and values do not make up its rows.
        package static let badContent = Code(value: .code)
        /// Features are other ones than they were.
        package static let changed = Code(value: .change)
        /// Chunks are missing yet.
        package static let incomplete = Code(value: .missing)
    }

    /// What kind of failure it was.
    package let code: Code
    /// What failed, then the cure.
    package let message: String

    /// The message.
    package var description: String { message }

    private init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// A row that no chunk can hold.
    package static func rowTooLarge(byteCount: Int, max: Int) -> TransferError {
        TransferError(
            .rowTooLarge,
            "a row of \(byteCount.counted("byte")) does not fit a chunk of \(max); "
                + "use at most \((max / 4).counted("feature"))")
    }

    /// A feature that is NaN or infinite, and where.
    package static func notFinite(_ where: String) -> TransferError {
        TransferError(
            .notFinite,
            "\(`where`) holds a feature that is NaN or infinite; train the backbone "
                + "again with a lower learning rate")
    }

    /// A row's weight that is not a finite number above 0, and where.
    package static func badWeight(_ where: String) -> TransferError {
        TransferError(
            .badWeight,
            "\(`where`) holds a row's weight that is not a finite number above 0; leave out rows of weight 0, and give the others weights above it"
        )
    }

    /// More chunks than a manifest may list.
    package static func tooManyChunks(_ count: Int, max: Int) -> TransferError {
        TransferError(
            .tooLarge,
            "\(count.counted("chunk")) are more than the \(max) a run may have; use fewer rows")
    }

    /// Chunks that contradict the shape, and how.
    package static func badManifest(_ what: String) -> TransferError {
        TransferError(.badManifest, "the list of chunks is wrong: \(what)")
    }

    /// More bytes than are allowed.
    package static func tooLarge(_ what: String, max: Int) -> TransferError {
        TransferError(
            .tooLarge,
            "\(what) would take more than the \(max.counted("byte")) allowed; use a machine with more memory"
        )
    }

    /// More bytes than the system promises.
    package static func noMemory(_ what: String) -> TransferError {
        TransferError(
            .tooLarge,
            "\(what) take more memory than this process may have; use a machine with more, or "
                + "raise the limit")
    }

    /// A position beyond the manifest.
    package static func noSuchChunk(_ index: Int) -> TransferError {
        TransferError(.noSuchChunk, "chunk \(index) is not in the list of chunks")
    }

    /// A chunk of another length than its manifest says.
    package static func wrongLength(_ index: Int, _ byteCount: Int, want: Int) -> TransferError {
        TransferError(
            .wrongLength,
            "chunk \(index) has \(byteCount.counted("byte")), not \(want); ask for it again")
    }

    /// A chunk of another hash than its manifest says.
    package static func wrongHash(_ index: Int) -> TransferError {
        TransferError(
            .wrongHash, "chunk \(index) was damaged on its way; ask for it again")
    }

    /// A chunk that does not decode to its rows.
    package static func badContent(_ index: Int) -> TransferError {
        TransferError(
            .badContent,
            "chunk \(index) has other values than its bits say; use a coordinator of this version")
    }

    /// Features of a file that is being written to.
    package static func changed(_ name: String) -> TransferError {
        TransferError(
            .changed,
            "\(name) holds other values than when this run began; start over in another --run-dir, once nothing writes to the file any more"
        )
    }

    /// An assembly that lacks chunks.
    package static func incomplete(missing: Int) -> TransferError {
        TransferError(
            .incomplete,
            "\(missing.counted("chunk")) \(missing == 1 ? "is missing; ask for it" : "are missing; ask for them")"
        )
    }
}
