import Hashing
import Synchronization

/// Materials being put together from chunks, as a worker receives them.
///
/// Nothing in the manifest or in a chunk is trusted, and no memory is taken before the whole manifest
/// has been checked.
package final class MaterialAssembly: ChunkAssembly {
    /// The bytes of one material; chunks of different places are copied in one after the other.
    private final class Blob: Sendable {
        let bytes: Mutex<[UInt8]>

        init(byteCount: Int) {
            // The manifest covers every byte: none of a complete material is left unwritten, and
            // zeros would touch all the memory twice.
            bytes = Mutex(
                unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { _, count in
                    count = byteCount
                })
        }
    }

    /// What is put together, checked.
    package let manifest: MaterialManifest
    private let blobs: [Blob]
    private let ledger: ChunkLedger

    /// Checks `manifest` and takes memory for it.
    ///
    /// - Parameter byteCountMax: bytes the materials may take.
    package init(_ manifest: MaterialManifest, byteCountMax: Int) throws(FeatureStoreError) {
        try manifest.validate(byteCountMax: byteCountMax)
        let byteCount = manifest.items.reduce(0) { $0 + $1.byteCount }
        // An array traps where the system has no memory to promise, which here is a peer's doing.
        guard ChunkLedger.canHave(byteCount: byteCount) else {
            throw .noMemory("\(byteCount) bytes of materials")
        }
        self.manifest = manifest
        blobs = manifest.items.map { Blob(byteCount: $0.byteCount) }
        ledger = ChunkLedger(count: manifest.chunkCount)
    }

    /// Chunks not yet inserted.
    package var missingCount: Int { ledger.missingCount }

    /// The chunks not yet inserted, ascending.
    package var missing: [Int] { ledger.missing }

    /// Takes the bytes of one chunk, after checking length and hash.
    @discardableResult
    package func insert(
        _ index: Int, _ bytes: UnsafeRawBufferPointer
    ) throws(FeatureStoreError) -> ChunkInsertion {
        guard let place = manifest.place(ofChunk: index) else { throw .noSuchChunk(index) }
        guard bytes.count == place.bytes.count else {
            throw .wrongLength(index, bytes.count, want: place.bytes.count)
        }
        let item = manifest.items[place.item]
        let hash = item.chunkHashes[place.bytes.lowerBound / manifest.chunkByteCount]
        return try ledger.insert(index) { () throws(FeatureStoreError) in
            guard unsafe BLAKE2b.digest(bytes) == hash else { throw .wrongHash(index) }
            blobs[place.item].bytes.withLock { blob in
                unsafe blob.withUnsafeMutableBytes { target in
                    unsafe UnsafeMutableRawBufferPointer(rebasing: target[place.bytes])
                        .copyMemory(from: bytes)
                }
            }
        }
    }

    /// The materials, once they are complete; only once, since the memory goes with them.
    package func finish() throws(FeatureStoreError) -> Materials {
        guard isComplete else { throw .incomplete(missing: missingCount) }
        return Materials(
            zip(manifest.items, blobs).map { item, blob in
                let bytes = blob.bytes.withLock { bytes in
                    defer { bytes = [] }
                    return bytes
                }
                return Materials.Item(name: item.name, bytes: bytes)
            })
    }
}
