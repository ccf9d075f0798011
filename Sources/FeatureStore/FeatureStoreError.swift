/// Why features cannot be cut into chunks or put together from them.
package struct FeatureStoreError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of failure it was.
    package struct Code: Hashable, Sendable {
        private enum Value {
            case rowSize, notFinite, manifest, memory, index, length, hash, code, missing
        }
        private let value: Value

        /// One row is larger than a chunk may be.
        package static let rowTooLarge = Code(value: .rowSize)
        /// A feature is NaN or infinite.
        package static let notFinite = Code(value: .notFinite)
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

    static func rowTooLarge(byteCount: Int, max: Int) -> FeatureStoreError {
        FeatureStoreError(
            .rowTooLarge,
            "a row of \(byteCount) bytes does not fit a chunk of \(max); "
                + "use at most \(max / 4) features")
    }

    static func notFinite(_ where: String) -> FeatureStoreError {
        FeatureStoreError(
            .notFinite,
            "\(`where`) holds a feature that is NaN or infinite; train the backbone "
                + "again with a lower learning rate")
    }

    static func badManifest(_ what: String) -> FeatureStoreError {
        FeatureStoreError(.badManifest, "the list of chunks is wrong: \(what)")
    }

    static func tooLarge(_ what: String, max: Int) -> FeatureStoreError {
        FeatureStoreError(
            .tooLarge,
            "\(what) would take more than the \(max) bytes allowed; use a machine with more memory")
    }

    static func noMemory(_ what: String) -> FeatureStoreError {
        FeatureStoreError(
            .tooLarge,
            "\(what) take more memory than this process may have; use a machine with more, or "
                + "raise the limit")
    }

    static func noSuchChunk(_ index: Int) -> FeatureStoreError {
        FeatureStoreError(.noSuchChunk, "chunk \(index) is not in the list of chunks")
    }

    static func wrongLength(_ index: Int, _ byteCount: Int, want: Int) -> FeatureStoreError {
        FeatureStoreError(
            .wrongLength, "chunk \(index) has \(byteCount) bytes, not \(want); ask for it again")
    }

    static func wrongHash(_ index: Int) -> FeatureStoreError {
        FeatureStoreError(
            .wrongHash, "chunk \(index) was damaged on its way; ask for it again")
    }

    static func badContent(_ index: Int) -> FeatureStoreError {
        FeatureStoreError(
            .badContent,
            "chunk \(index) has other values than its bits say; use a coordinator of this version")
    }

    static func incomplete(missing: Int) -> FeatureStoreError {
        FeatureStoreError(.incomplete, "\(missing) chunks are missing; ask for them")
    }
}
