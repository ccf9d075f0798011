import Hashing
package import Tensors

/// Features being put together from chunks, as a worker receives them.
///
/// One thread at a time. Nothing in the manifest or in a chunk is trusted, and no memory is taken
/// before the whole manifest has been checked.
package final class FeatureAssembly {
    /// What became of a chunk.
    package enum Insertion: Hashable, Sendable {
        case inserted
        /// It was there already: broadcast and requested, or sent twice.
        case duplicate
    }

    /// What is put together, checked.
    package let manifest: FeatureManifest
    private let buffer: FloatBuffer
    private let classRowOffsets: [Int]
    private var isHeld: [Bool]
    /// Chunks not yet inserted.
    package private(set) var missingCount: Int

    /// Checks `manifest` and takes memory for it.
    ///
    /// - Parameter byteCountMax: bytes the features may take.
    package init(_ manifest: FeatureManifest, byteCountMax: Int) throws(FeatureStoreError) {
        let rowCount = try manifest.validate(byteCountMax: byteCountMax)
        var offsets: [Int] = []
        var offset = 0
        for count in manifest.classRowCounts {
            offsets.append(offset)
            offset += count
        }
        self.manifest = manifest
        classRowOffsets = offsets
        buffer = FloatBuffer(count: rowCount * manifest.featureCount)
        isHeld = [Bool](repeating: false, count: manifest.chunks.count)
        missingCount = manifest.chunks.count
    }

    /// Whether every chunk is held.
    package var isComplete: Bool { missingCount == 0 }

    /// The chunks not yet inserted, ascending.
    package var missing: [Int] { isHeld.indices.filter { !isHeld[$0] } }

    /// Takes the bytes of one chunk, after checking length, hash and that they are finite.
    ///
    /// Whatever is refused leaves the assembly as it was: the chunk is still missing.
    @discardableResult
    package func insert(
        _ index: Int, _ bytes: UnsafeRawBufferPointer
    ) throws(FeatureStoreError) -> Insertion {
        guard isHeld.indices.contains(index) else { throw .noSuchChunk(index) }
        let chunk = manifest.chunks[index]
        guard bytes.count == chunk.byteCount else {
            throw .wrongLength(index, bytes.count, want: chunk.byteCount)
        }
        guard !isHeld[index] else { return .duplicate }
        guard unsafe BLAKE2b.digest(bytes) == chunk.hash else { throw .wrongHash(index) }
        let width = manifest.featureCount
        let row = classRowOffsets[chunk.classIndex] + chunk.firstRow
        let isFinite = unsafe buffer.withUnsafeMutableBufferPointer { floats in
            let target = unsafe UnsafeMutableBufferPointer(
                rebasing: floats[row * width..<(row + chunk.rowCount) * width])
            unsafe UnsafeMutableRawBufferPointer(target).copyMemory(from: bytes)
            // Only aligned floats can be read: hence after the copy, into a place still missing.
            return unsafe target.allSatisfy(\.isFinite)
        }
        guard isFinite else { throw .notFinite("chunk \(index)") }
        isHeld[index] = true
        missingCount -= 1
        return .inserted
    }

    /// Takes the bytes of one chunk, as above.
    @discardableResult
    package func insert(_ index: Int, _ bytes: [UInt8]) throws(FeatureStoreError) -> Insertion {
        try unsafe bytes.span.withUnsafeBytes { pointer throws(FeatureStoreError) in
            try unsafe insert(index, pointer)
        }
    }

    /// The features, once they are complete; from then on nothing is written to them.
    package func finish() throws(FeatureStoreError) -> FeatureTable {
        guard isComplete else { throw .incomplete(missing: missingCount) }
        return FeatureTable(
            features: buffer, featureCount: manifest.featureCount,
            classRowCounts: manifest.classRowCounts)
    }
}
