import Glibc
package import Numerics
package import Transfer

/// Features being put together from chunks, as a worker receives them.
///
/// Any number of threads may insert at the same time. Nothing in the manifest or in a chunk is trusted, and no memory is taken
/// before the whole manifest has been checked.
package final class FeatureAssembly: ChunkAssembly {
    /// Bytes copied and looked through before the next ones: a part of the cache nearest to a core.
    private static let blockByteCount = 16 << 10

    /// What is put together, checked.
    package let manifest: ChunkManifest
    private let shape: FeatureShape
    private let buffer: FloatBuffer
    /// Of each row; nil where rows have none.
    private let rowWeights: FloatBuffer?
    private let classRowOffsets: [Int]
    private let ledger: ChunkLedger

    /// Checks `manifest` and takes memory for it.
    ///
    /// - Parameter byteCountMax: bytes the features may take.
    /// - Throws: what is wrong with the manifest, and `badManifest` for one of materials.
    package init(_ manifest: ChunkManifest, byteCountMax: Int) throws(TransferError) {
        guard let shape = manifest.features else { throw .badManifest("it is of materials") }
        let byteCount = try manifest.validate(byteCountMax: byteCountMax)
        var offsets: [Int] = []
        var offset = 0
        for count in shape.classRowCounts {
            offsets.append(offset)
            offset += count
        }
        self.manifest = manifest
        self.shape = shape
        classRowOffsets = offsets
        // A buffer traps where the system has no memory to promise, which here is a peer's doing.
        guard ChunkLedger.canHave(byteCount: byteCount) else {
            throw .noMemory("\(offset.counted("row")) of \(shape.featureCount.counted("feature"))")
        }
        // The manifest covers every row: no float of a complete assembly is left unwritten.
        buffer = FloatBuffer(unfilledCount: offset * shape.featureCount)
        rowWeights = shape.isWeighted ? FloatBuffer(unfilledCount: offset) : nil
        ledger = ChunkLedger(count: manifest.chunks.count)
    }

    /// Chunks not yet inserted.
    package var missingCount: Int { ledger.missingCount }

    /// The chunks not yet inserted, ascending.
    package var missing: [Int] { ledger.missing }

    /// Takes the bytes of one chunk, after checking length, hash, that they are finite and that weights
    /// are above 0.
    ///
    /// Whatever is refused leaves the assembly as it was: the chunk is still missing.
    @discardableResult
    package func insert(
        _ index: Int, _ bytes: UnsafeRawBufferPointer
    ) throws(TransferError) -> ChunkInsertion {
        guard manifest.chunks.indices.contains(index) else { throw .noSuchChunk(index) }
        let chunk = manifest.chunks[index]
        guard bytes.count == chunk.byteCount else {
            throw .wrongLength(index, bytes.count, want: chunk.byteCount)
        }
        return try ledger.insert(index) { () throws(TransferError) in
            guard unsafe ContentHash(of: bytes) == chunk.hash else { throw .wrongHash(index) }
            try unsafe write(bytes, of: chunk, index)
        }
    }

    /// Puts a chunk in its place.
    private func write(
        _ bytes: UnsafeRawBufferPointer, of chunk: Chunk, _ index: Int
    ) throws(TransferError) {
        let classCount = shape.classRowCounts.count
        guard chunk.part < classCount else {
            try unsafe write(
                weights: bytes, at: classRowOffsets[chunk.part - classCount] + chunk.first, index)
            return
        }
        let first = (classRowOffsets[chunk.part] + chunk.first) * shape.featureCount
        let count = chunk.count * shape.featureCount
        try unsafe buffer.withUnsafeMutableBufferPointer { floats throws(TransferError) in
            let target = unsafe UnsafeMutableRawBufferPointer(
                UnsafeMutableBufferPointer(rebasing: floats[first..<first + count]))
            unsafe Self.prepare(target)
            if bytes.count == target.count {
                guard unsafe Self.copy(bytes, to: target) else {
                    throw .notFinite("chunk \(index)")
                }
                return
            }
            let words = unsafe target.assumingMemoryBound(to: UInt32.self)
            guard unsafe ZeroCoding.decode(bytes, into: words) else { throw .badContent(index) }
            guard unsafe Self.areFinite(words) else { throw .notFinite("chunk \(index)") }
        }
    }

    /// Puts the weights of a chunk in their place, the first of them at the row `first`.
    private func write(
        weights bytes: UnsafeRawBufferPointer, at first: Int, _ index: Int
    ) throws(TransferError) {
        guard let rowWeights else { preconditionFailure("the manifest was checked") }
        try unsafe rowWeights.withUnsafeMutableBufferPointer { floats throws(TransferError) in
            for place in 0..<bytes.count / 4 {
                let weight = unsafe bytes.loadUnaligned(fromByteOffset: 4 * place, as: Float.self)
                guard weight > 0, weight.isFinite else { throw .badWeight("chunk \(index)") }
                unsafe floats[first + place] = weight
            }
        }
    }

    /// Copies floats; false if one of them is not finite.
    private static func copy(
        _ bytes: UnsafeRawBufferPointer, to target: UnsafeMutableRawBufferPointer
    ) -> Bool {
        var isFinite = true
        for start in stride(from: 0, to: bytes.count, by: blockByteCount) {
            let block = start..<min(bytes.count, start + blockByteCount)
            let copied = unsafe UnsafeMutableRawBufferPointer(rebasing: target[block])
            unsafe copied.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[block]))
            // Only aligned floats can be read: hence after the copy.
            isFinite = unsafe isFinite && areFinite(copied.assumingMemoryBound(to: UInt32.self))
        }
        return isFinite
    }

    /// Whether floats of these bits are numbers; without an exit, so that it becomes vector code.
    private static func areFinite(_ bits: UnsafeMutableBufferPointer<UInt32>) -> Bool {
        let exponent: UInt32 = 0x7F80_0000
        var found: UInt32 = 0
        for index in bits.indices {
            found |= unsafe bits[index] & exponent == exponent ? 1 : 0
        }
        return found == 0
    }

    /// Has the system provide the memory of a chunk in one call.
    ///
    /// A page at a time, as the copy would ask for it, was measured to cost as much as receiving
    /// the bytes. Where the system does not know the call, the copy does.
    private static func prepare(_ target: UnsafeMutableRawBufferPointer) {
        let pageByteCount = UInt(sysconf(Int32(_SC_PAGESIZE)))
        guard let base = target.baseAddress else { return }
        let start = UInt(bitPattern: base)
        let first = (start + pageByteCount - 1) & ~(pageByteCount - 1)
        let end = (start + UInt(target.count)) & ~(pageByteCount - 1)
        guard first < end else { return }
        _ = unsafe madvise(
            UnsafeMutableRawPointer(bitPattern: first), Int(end - first), MADV_POPULATE_WRITE)
    }

    /// The features, once they are complete.
    ///
    /// Then every insertion of a chunk has ended, and nothing is written to them any more.
    package func finish() throws(TransferError) -> FeatureTable {
        guard isComplete else { throw .incomplete(missing: missingCount) }
        return FeatureTable(
            features: buffer, featureCount: shape.featureCount,
            classRowCounts: shape.classRowCounts, classKeys: shape.classKeys,
            rowWeights: rowWeights)
    }
}
