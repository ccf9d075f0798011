import Numerics
import Synchronization
package import Transfer

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
    package let manifest: ChunkManifest
    private let materials: [MaterialShape]
    private let blobs: [Blob]
    private let ledger: ChunkLedger

    /// Checks `manifest` and takes memory for it.
    ///
    /// - Parameter byteCountMax: bytes the materials may take.
    /// - Throws: what is wrong with the manifest, and `badManifest` for one of features.
    package init(_ manifest: ChunkManifest, byteCountMax: Int) throws(TransferError) {
        guard case .materials(let materials) = manifest.content else {
            throw .badManifest("it is of features")
        }
        let byteCount = try manifest.validate(byteCountMax: byteCountMax)
        // An array traps where the system has no memory to promise, which here is a peer's doing.
        guard ChunkLedger.canHave(byteCount: byteCount) else {
            throw .noMemory("\(byteCount.counted("byte")) of materials")
        }
        self.manifest = manifest
        self.materials = materials
        blobs = materials.map { Blob(byteCount: $0.byteCount) }
        ledger = ChunkLedger(count: manifest.chunks.count)
    }

    /// Chunks not yet inserted.
    package var missingCount: Int { ledger.missingCount }

    /// The chunks not yet inserted, ascending.
    package var missing: [Int] { ledger.missing }

    /// Takes the bytes of one chunk, after checking length and hash.
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
            blobs[chunk.part].bytes.withLock { blob in
                unsafe blob.withUnsafeMutableBytes { target in
                    unsafe UnsafeMutableRawBufferPointer(
                        rebasing: target[chunk.first..<chunk.first + chunk.count]
                    ).copyMemory(from: bytes)
                }
            }
        }
    }

    /// The materials, once they are complete; only once, since the memory goes with them.
    package func finish() throws(TransferError) -> Materials {
        guard isComplete else { throw .incomplete(missing: missingCount) }
        return Materials(
            zip(materials, blobs).map { material, blob in
                let bytes = blob.bytes.withLock { bytes in
                    defer { bytes = [] }
                    return bytes
                }
                return Materials.Item(name: material.name, bytes: bytes)
            })
    }
}
